-- Timed claims on the slots of nodes, the GPU time of the calls that hold them, and who of those that wait gets one.
--
-- `order.lua` and `loads.lua` stand before this. KEYS[1] is the hash of orphans (leases that ran out), KEYS[2..] are nodes, of which
-- every reply tells what is taken; a slot is given wherever a waiting call may go. A node's value is
-- {at, gpus, leases = [{id, deadline, expected, rate, tokens, thinking, ticked, gpu, heard, facts}]}, times in
-- microseconds by Redis' clock; a lease was last renewed when it `ticked`, and had `heard` of GPU time then. One that
-- was asked for in the queue has {queue, lane, tenant, guess, cost, began} in GRANTS, with {node, index, round}; versions
-- that do not know that hash have the former in the lease, the latter in the queue, and keep what they do not know.
-- The arithmetic is that of `estimates.Meter`, step by step: both give equal integers.
local KEEP_MS = 86400000
local ORPHANS_KEPT = 10000
local DROPPED = 'dropped'
-- How a call ended that held a slot: it came to its end, or its client left. Otherwise it was cut off.
local DONE, LEFT = 'done', 'left'
local NODE, GRANTED, SERVED, GRANTS = 'sy:node:', 'sy:granted:', 'served ', 'sy:queue:granted'

local QUEUED = ':queued'

local operation = ARGV[1]

local function weight(lease)
  if lease.rate >= 0 then return lease.rate end
  return lease.expected
end

local function advance(node, to)
  local total = (to - node.at) * node.gpus
  local count = #node.leases
  if total > 0 and count > 0 then
    local whole = 0
    for _, lease in ipairs(node.leases) do whole = whole + weight(lease) end
    local equal = whole <= 0
    if equal then whole = count end
    local before, running = 0, 0
    for index, lease in ipairs(node.leases) do
      running = running + (equal and 1 or weight(lease))
      local after = total
      if index < count then after = math.min(total, math.floor(total * running / whole)) end
      lease.gpu = lease.gpu + (after - before)
      before = after
    end
  end
  if to > node.at then node.at = to end
end

-- A dead call is charged until its process was last heard of. `held` is what it has if that turns out to be alive.
-- More calls than are kept are counted under a name that is no call's.
local function orphan(lease)
  if redis.call('HLEN', KEYS[1]) >= ORPHANS_KEPT then
    redis.call('HINCRBY', KEYS[1], DROPPED, 1)
  else
    redis.call('HSET', KEYS[1], lease.id, cmsgpack.pack({
      facts = lease.facts, gpu = lease.heard or lease.gpu, tokens = lease.tokens, ended = lease.ticked,
      held = lease.gpu, thinking = lease.thinking or 0 }))
  end
  redis.call('PEXPIRE', KEYS[1], KEEP_MS * 7)
end

local grants = {}

-- What was given to a call of the queue; false if nothing was, or it is over.
local function grant_of(id)
  if grants[id] == nil then
    local packed = redis.call('HGET', GRANTS, id)
    grants[id] = packed and cmsgpack.unpack(packed) or order().granted[id] or false
  end
  return grants[id]
end

-- `apart`: its replica looks into the hash. It costs the same however many calls are served.
local function keep_grant(call, grant)
  grants[call.id] = grant
  if call.apart then
    redis.call('HSET', GRANTS, call.id, cmsgpack.pack(grant))
    redis.call('PEXPIRE', GRANTS, KEEP_MS)
  else
    order().granted[call.id] = grant
  end
end

local function drop_grant(id)
  grants[id] = false
  if order().granted[id] then
    order().granted[id] = nil
    changed()
  else
    redis.call('HDEL', GRANTS, id)
  end
end

-- What the call took beyond what it was charged is charged now, to its death if it died. Returns what was given to it.
local function settle(lease, gpu)
  local given = lease.lane and lease or grant_of(lease.id)
  if not given then return nil end
  settle_charge(given.lane, given.tenant, given.cost, gpu)
  drop_grant(lease.id)
  return given
end

local function expire(node)
  while true do
    local first
    for index, lease in ipairs(node.leases) do
      if lease.deadline <= now and (not first or lease.deadline < node.leases[first].deadline) then first = index end
    end
    if not first then break end
    advance(node, node.leases[first].deadline)
    local lease = table.remove(node.leases, first)
    loads_of[node] = nil
    settle(lease, lease.heard or lease.gpu)
    orphan(lease)
    node.changed = true
  end
  advance(node, now)
end

local function read(key)
  local packed = redis.call('GET', key)
  if packed then
    local ok, node = pcall(cmsgpack.unpack, packed)
    if ok and type(node) == 'table' and type(node.leases) == 'table' and node.at then
      expire(node)
      return node
    end
  end
  return { at = now, gpus = 1, leases = {} }
end

local loaded = {}
local function node_at(key)
  loaded[key] = loaded[key] or read(key)
  return loaded[key]
end

local function write(key, node)
  local kept = node.loaded and fresh(node)
  node.changed, node.loaded = nil, kept and #kept > 0 and kept or nil
  if #node.leases > 0 then
    redis.call('SET', key, cmsgpack.pack(node), 'PX', KEEP_MS)
  elseif node.loaded then
    redis.call('SET', key, cmsgpack.pack(node), 'PX', LOADED_KEPT_US / 1000)
  else
    redis.call('DEL', key)
  end
end

local function save()
  for key, node in pairs(loaded) do
    if node.changed then write(key, node) end
  end
  save_order()
end

local function taken_of_keys(reply)
  for index = 2, #KEYS do table.insert(reply, #node_at(KEYS[index]).leases) end
  return reply
end

-- By node, of those that are named by their keys; nil if there is nothing to tell of any.
local function loads_at(keys, first)
  local told
  for index = first, #keys do
    local loads = loads_told(node_at(keys[index]))
    if loads then
      told = told or {}
      told[string.sub(keys[index], #NODE + 1)] = loads
    end
  end
  return told
end

local function find(node, id)
  for index, lease in ipairs(node.leases) do
    if lease.id == id then return index end
  end
end

local function add(node, id, lease_us, gpus, expected, facts, gpu)
  node.gpus = gpus
  local lease = { id = id, deadline = now + lease_us, expected = expected, rate = -1, tokens = 0, ticked = node.at,
    gpu = gpu, heard = gpu, facts = facts }
  table.insert(node.leases, lease)
  return lease
end

-- The score with the slots that are taken is that of `estimates.crowded`, the choice that of `placement.choose`.
-- A candidate is {node, slots, gpus, score, crowding, expected, facts, what it wants loaded}, the last not of versions that
-- do not say so. Returns the lease and the candidate's index.
local function take(id, candidates, lease_us)
  local best, best_score
  for index, one in ipairs(candidates) do
    local node, slots = node_at(NODE .. one[1]), tonumber(one[2])
    local taken = #node.leases
    if taken < slots and not held_up_by(node, one[8]) then
      local score = tonumber(one[4]) + tonumber(one[5]) * taken / slots
      if not best or score < best_score then best, best_score = index, score end
    end
  end
  if not best then return nil end
  local one = candidates[best]
  local node = node_at(NODE .. one[1])
  node.changed = true
  local lease = add(node, id, lease_us, tonumber(one[3]), tonumber(one[6]), one[7], 0)
  note_load(node, lease, one[8])
  return lease, best
end

local candidates_by_id = {}
local function candidates_of(call)
  if not candidates_by_id[call.id] then
    local packed = redis.call('HGET', CALLS, call.id)
    candidates_by_id[call.id] = packed and cmsgpack.unpack(packed) or {}
  end
  return candidates_by_id[call.id]
end

local function may_begin(call, name)
  local node, candidates = node_at(NODE .. name), nil
  if #loading(node) == 0 then return true end
  candidates = candidates_of(call)
  for _, one in ipairs(candidates) do
    if one[1] == name and not held_up_by(node, one[8]) then return true end
  end
  return #candidates == 0
end

-- Where a node loads something, it matters what the call wants; else it is enough to know the nodes.
local free, busy = {}, {}
local function is_free(call)
  local nodes = nodes_of(call)
  if busy[call.nodes] == nil then
    busy[call.nodes] = false
    for _, name in ipairs(nodes.names) do
      if #loading(node_at(NODE .. name)) > 0 then busy[call.nodes] = true end
    end
  end
  local key = busy[call.nodes] and call.id or call.nodes
  if free[key] == nil then
    free[key] = false
    for _, name in ipairs(nodes.names) do
      if #node_at(NODE .. name).leases < nodes.slots[name] and may_begin(call, name) then free[key] = true end
    end
  end
  return free[key]
end

-- How long the load goes on that a call must wait for, wherever it may go; 0 if there is none.
local function held_up_us(call)
  local least
  if is_free(call) or not busy[call.nodes] then return 0 end
  for _, one in ipairs(candidates_of(call)) do
    local load = held_up_by(node_at(NODE .. one[1]), one[8])
    if not load then return 0 end
    least = math.min(least or math.huge, math.abs(load.till - now))
  end
  return least or 0
end

local function taken_of(candidates)
  local taken = {}
  for _, one in ipairs(candidates) do taken[one[1]] = #node_at(NODE .. one[1]).leases end
  return taken
end

-- A call that has its slot, or (index 0) will get none.
local function wake(call, index, taken, loads)
  redis.call('PUBLISH', GRANTED .. call.replica, cmsgpack.pack({ id = call.id, index = index, round = call.round,
    taken = taken, loads = loads, starved = call.starved }))
end

-- Who is asking right now hears it in the reply.
local function begin(call, candidates, lease_us, is_asking)
  local taken = is_asking or taken_of(candidates)
  local lease, index = take(call.id, candidates, lease_us)
  free, busy = {}, {}
  if not lease then return end
  charge(call)
  keep_grant(call, { node = candidates[index][1], index = index, round = call.round, lane = call.lane,
    tenant = call.tenant, cost = call.cost, queue = call.queue, guess = call.guess, came = call.came, began = now, starved = call.starved })
  if not is_asking then wake(call, index, taken, loads_at({ NODE .. candidates[index][1] }, 1)) end
end

-- Gives free slots to those whose turn it is and wakes them, but for the one that is asking.
local function serve(lease_us, asking)
  drop_waiting()
  while true do
    local call = next_waiting(is_free)
    if not call then return end
    local candidates = candidates_of(call)
    redis.call('HDEL', CALLS, call.id)
    if is_late(call) then wake(call, 0, {}) else begin(call, candidates, lease_us, call.id == asking) end
  end
end

local function candidates_from(first)
  local candidates = {}
  for at = first, #ARGV, 8 do
    local one = {}
    for part = at, at + 7 do table.insert(one, ARGV[part]) end
    table.insert(candidates, one)
  end
  return candidates
end

-- A slot that nobody waits for. ARGV: id, lease_us, then the candidates.
-- Returns {candidate granted or 0, now, taken of each node}.
local function acquire()
  serve(tonumber(ARGV[3]))
  local _, index = take(ARGV[2], candidates_from(4), tonumber(ARGV[3]))
  return taken_of_keys({ index or 0, now })
end

local function beat(replica, lease_us)
  order().replicas[replica] = now + lease_us
  changed()
end

local STATES = { unknown = 0, granted = 1, waiting = 2, refused = 3 }

local function standing_of(lane, tenant, id)
  local granted = grant_of(id)
  if granted then return { STATES.granted, granted.index, granted.round, granted.starved or 0 } end
  local call = find_waiting(lane, tenant, id)
  if not call then return { STATES.unknown, 0, 0, 0 } end
  local position, eta = outlook(call)
  return { STATES.waiting, position, math.max(eta, held_up_us(call)), 0 }
end

-- ARGV: id, lease_us, replica, queue, lane, tenant, guess, how long it has waited, for how long more it stays, the bounds
-- (places, places of a tenant, longest wait, deadline or -1, patient), which offer of the call this is, its nodes.
local function asked()
  local call = { id = ARGV[2], queue = ARGV[5], lane = ARGV[6], tenant = ARGV[7], guess = tonumber(ARGV[8]),
    cost = cost_of(ARGV[5], tonumber(ARGV[8])),
    came = now - tonumber(ARGV[9]), till = now + math.max(1, tonumber(ARGV[10])), replica = ARGV[4], round = tonumber(ARGV[16]),
    nodes = ARGV[17], apart = true }
  return call, { places = tonumber(ARGV[11]), tenant_places = tonumber(ARGV[12]), wait = tonumber(ARGV[13]),
    deadline = tonumber(ARGV[14]), is_patient = ARGV[15] == '1' }
end

-- Under overload a refusal writes nothing.
local function refuse(call, why, take_back)
  local _, eta = outlook(call)
  local all = drain(call.queue)
  take_back()
  return { STATES.refused, why, eta, all }
end

-- Waits for a slot unless one is free; one that waits already gets these candidates instead of its former ones.
-- ARGV: what `asked` reads, then the candidates.
-- Returns {now, taken of each node, state, then position, ETA and 0 if it waits, candidate, offer and whether it starved if
-- granted, why, ETA and the time until all have their slots if refused}.
local function ask()
  local call, bounds = asked()
  local lease_us, candidates = tonumber(ARGV[3]), candidates_from(18)
  if (order().replicas[call.replica] or 0) - now < lease_us / 2 then beat(call.replica, lease_us) end
  local known = find_waiting(call.lane, call.tenant, call.id)
  local flow, take_back
  if known then
    known.till, known.nodes, known.replica, known.round = call.till, call.nodes, call.replica, call.round
    known.apart = true
  elseif not grant_of(call.id) then
    flow, take_back = try_waiting(call)
  end
  candidates_by_id[call.id] = candidates
  serve(lease_us, call.id)
  local is_in = find_waiting(call.lane, call.tenant, call.id)
  local why = flow and is_in and overload(call, flow, bounds) or 0
  local standing = why > 0 and refuse(call, why, take_back) or standing_of(call.lane, call.tenant, call.id)
  if standing[1] == STATES.waiting then
    changed()
    redis.call('HSET', CALLS, call.id, cmsgpack.pack(candidates))
    redis.call('PEXPIRE', CALLS, KEEP_MS)
  end
  local reply = taken_of_keys({ now })
  for _, part in ipairs(standing) do table.insert(reply, part) end
  return reply
end

-- Whether a call would be let in, which does not wait yet. ARGV: what `asked` reads.
-- Returns {now, taken of each node, 0 or why not, ETA, the time until all have their slots}.
local function peek()
  local call, bounds = asked()
  serve(tonumber(ARGV[3]))
  local reply = taken_of_keys({ now })
  local answer = { 0, 0, 0 }
  if not is_free(call) then
    local flow, take_back = try_waiting(call)
    local why = overload(call, flow, bounds)
    local told = refuse(call, why, take_back)
    answer = { why, told[3], told[4] }
  end
  for _, part in ipairs(answer) do table.insert(reply, part) end
  return reply
end

-- A lease that a process of an older version let run out, or that went with its node's key, was not settled.
local function reap_one(id, granted)
  if not find(node_at(NODE .. granted.node), id) and grant_of(id) then
    settle_charge(granted.lane, granted.tenant, granted.cost, granted.cost)
    drop_grant(id)
  end
end

local function reap()
  for id, granted in pairs(order().granted) do reap_one(id, granted) end
  local apart = redis.call('HGETALL', GRANTS)
  for at = 1, #apart, 2 do reap_one(apart[at], cmsgpack.unpack(apart[at + 1])) end
end

-- ARGV: lease_us, replica, how many queues, those, then lane, tenant and id of each call that waits here.
-- Returns {now, taken of each node, of each queue the time until all have their slots and how many wait by lane, of each lane
-- the largest deficit in it, of each call its state, then what belongs to that, as `ask`}.
local function watch()
  local lease_us, queues = tonumber(ARGV[2]), tonumber(ARGV[4])
  if #ARGV > 4 + queues then beat(ARGV[3], lease_us) end
  reap()
  serve(lease_us)
  local reply = taken_of_keys({ now })
  for at = 5, 4 + queues do
    local all, counts = drain(ARGV[at])
    table.insert(reply, all)
    for _, lane in ipairs(LANES) do table.insert(reply, counts[lane] or 0) end
  end
  for _, lane in ipairs(LANES) do table.insert(reply, deficit(lane)) end
  for at = 5 + queues, #ARGV, 3 do
    for _, part in ipairs(standing_of(ARGV[at], ARGV[at + 1], ARGV[at + 2])) do table.insert(reply, part) end
  end
  return reply
end

local function tick(lease, tokens, at)
  if tokens > lease.tokens and at > lease.ticked then
    lease.rate = (tokens - lease.tokens) * 1000000 / (at - lease.ticked)
  elseif lease.rate >= 0 and at > lease.ticked then
    lease.rate = 0
  end
  lease.tokens = math.max(lease.tokens, tokens)
  lease.ticked = at
  lease.heard = lease.gpu
end

local function held(packed)
  local orphaned = cmsgpack.unpack(packed)
  return orphaned.held or orphaned.gpu
end

local function hear_of_load(node, lease, text)
  local want = want_of(text)
  if want and want.left < 0 then note_loaded(node, lease) end
  if want and want.left >= 0 and not lease.load then note_load(node, lease, text) end
end

-- A lease that is not there (Redis was emptied, or this process was too slow) is made again without asking for a free
-- slot: its call is running on the node. An orphan takes its GPU time back.
-- ARGV: lease_us, then for each lease: index of its node in KEYS, id, tokens, thinking tokens, gpus, expected, facts, what
-- it loads or has loaded ('' for nothing).
-- Returns {now, taken of each node, then known (1 or 0) and GPU time of each lease}.
local function renew()
  local lease_us, nodes, told = tonumber(ARGV[2]), {}, {}
  for index = 2, #KEYS do
    nodes[index] = node_at(KEYS[index])
    nodes[index].changed = true
  end
  for at = 3, #ARGV, 8 do
    local node, id, tokens = nodes[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2])
    local index, known = find(node, id), 1
    local lease
    if index then
      lease = node.leases[index]
      lease.deadline = now + lease_us
      lease.facts = ARGV[at + 6]
    else
      local packed = redis.call('HGET', KEYS[1], id)
      local gpu = packed and held(packed) or 0
      if not packed then known = 0 end
      redis.call('HDEL', KEYS[1], id)
      lease = add(node, id, lease_us, tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), ARGV[at + 6], gpu)
    end
    hear_of_load(node, lease, ARGV[at + 7])
    tick(lease, tokens, node.at)
    lease.thinking = math.max(lease.thinking or 0, tonumber(ARGV[at + 3]))
    table.insert(told, known)
    table.insert(told, lease.gpu)
  end
  serve(lease_us)
  local reply = taken_of_keys({ now })
  for _, value in ipairs(told) do table.insert(reply, value) end
  return reply
end

-- A call that did not come to its end says nothing of what calls take. Its client's leaving says how long it waits if most
-- of that was waiting for a slot.
local function note_ending(given, gpu, ending)
  if ending == DONE then note_pace(given.queue, given.guess, gpu, now - given.began) end
  if ending == LEFT and given.came and 2 * (given.began - given.came) >= now - given.came then
    note_left(given.came, order().lines[given.lane].flows[given.tenant])
  end
end

local function give_back(node, index, ending)
  local lease = table.remove(node.leases, index)
  node.changed, loads_of[node] = true, nil
  local given = settle(lease, lease.gpu)
  if given then note_ending(given, lease.gpu, ending) end
  return lease.gpu
end

-- Replicas of older versions hear of a slot that nobody was given here, where there are some: they do not listen to
-- QUEUED beside the channel, as all others do.
local function announce(channel, key, before)
  if #node_at(key).leases >= before then return end
  local heard = redis.pcall('PUBSUB', 'NUMSUB', channel, channel .. QUEUED)
  if heard.err or heard[2] > heard[4] then redis.call('PUBLISH', channel, SERVED .. key) end
end

-- ARGV: id, channel, lease_us, what it loads or has loaded, how its call ended. Returns {now, taken, known (1 or 0), GPU time}.
local function release()
  local node, id, known, gpu = node_at(KEYS[2]), ARGV[2], 0, 0
  local before, index = #node.leases, find(node, id)
  if index then
    hear_of_load(node, node.leases[index], ARGV[5])
    known, gpu = 1, give_back(node, index, ARGV[6])
  else
    local packed = redis.call('HGET', KEYS[1], id)
    if packed then known, gpu = 1, held(packed) end
    redis.call('HDEL', KEYS[1], id)
  end
  serve(tonumber(ARGV[4]))
  announce(ARGV[3], KEYS[2], before)
  return { now, #node.leases, known, gpu }
end

-- What a call loaded is there. ARGV: id, lease_us. Returns {now, taken}.
local function has_loaded()
  local node = node_at(KEYS[2])
  local index = find(node, ARGV[2])
  if index then note_loaded(node, node.leases[index]) end
  serve(tonumber(ARGV[3]))
  return taken_of_keys({ now })
end

-- A call waits no longer, because its client left (1) or for another reason (0); a slot that it was given is free.
-- ARGV: id, channel, lease_us, lane, tenant, left. Returns {now, taken of each node}.
local function leave()
  local id, lease_us, granted = ARGV[2], tonumber(ARGV[4]), grant_of(ARGV[2])
  local call, flow = find_waiting(ARGV[5], ARGV[6], id)
  if call then
    if ARGV[7] == '1' then note_left(call.came, flow) end
    remove_waiting(call)
    redis.call('HDEL', CALLS, id)
  elseif granted then
    local key = NODE .. granted.node
    local node = node_at(key)
    local before, index = #node.leases, find(node, id)
    if index then give_back(node, index, ARGV[7] == '1' and LEFT or nil) else drop_grant(id) end
    serve(lease_us)
    announce(ARGV[3], key, before)
  end
  return taken_of_keys({ now })
end

-- ARGV: lease_us. Returns {now, taken of each node}.
local function sweep()
  for index = 2, #KEYS do node_at(KEYS[index]) end
  serve(tonumber(ARGV[2]))
  return taken_of_keys({ now })
end

local OPERATIONS = { acquire = acquire, ask = ask, has_loaded = has_loaded, leave = leave, peek = peek, release = release, renew = renew,
  sweep = sweep, watch = watch }
-- Each reply ends with what the nodes in KEYS load, where there is something to tell.
local reply = OPERATIONS[operation]()
local told = loads_at(KEYS, 2)
if told then table.insert(reply, cmsgpack.pack(told)) end
save()
return reply
