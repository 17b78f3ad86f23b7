-- Timed claims on the slots of nodes, and the GPU time of the calls that hold them.
--
-- KEYS[1] is the hash of orphans (leases that ran out), KEYS[2..] are nodes. A node's value is
-- {at, gpus, leases = [{id, deadline, expected, rate, tokens, thinking, ticked, gpu, heard, facts}]}, times in
-- microseconds by Redis' clock; a lease was last renewed when it `ticked`, and had `heard` of GPU time then.
-- The arithmetic is that of `estimates.Meter`, step by step: both give equal integers.
local KEEP_MS = 86400000
local ORPHANS_KEPT = 10000
local DROPPED = 'dropped'

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
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

local function expire(node)
  while true do
    local first
    for index, lease in ipairs(node.leases) do
      if lease.deadline <= now and (not first or lease.deadline < node.leases[first].deadline) then first = index end
    end
    if not first then break end
    advance(node, node.leases[first].deadline)
    orphan(table.remove(node.leases, first))
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

local function write(key, node)
  node.changed = nil
  if #node.leases == 0 then
    redis.call('DEL', key)
  else
    redis.call('SET', key, cmsgpack.pack(node), 'PX', KEEP_MS)
  end
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
-- ARGV: id, lease_us, then for each candidate: index of its node in KEYS, slots, gpus, score, crowding, expected, facts.
-- Returns {candidate granted or 0, now, taken of each node}.
local function acquire()
  local id, lease_us = ARGV[2], tonumber(ARGV[3])
  local nodes, best, best_score = {}, nil, 0
  for index = 2, #KEYS do nodes[index] = read(KEYS[index]) end
  for at = 4, #ARGV, 7 do
    local taken, slots = #nodes[tonumber(ARGV[at])].leases, tonumber(ARGV[at + 1])
    if taken < slots then
      local score = tonumber(ARGV[at + 3]) + tonumber(ARGV[at + 4]) * taken / slots
      if not best or score < best_score then best, best_score = at, score end
    end
  end
  if best then
    local node = nodes[tonumber(ARGV[best])]
    add(node, id, lease_us, tonumber(ARGV[best + 2]), tonumber(ARGV[best + 5]), ARGV[best + 6], 0)
    node.changed = true
  end
  local reply = { best and (best - 4) / 7 + 1 or 0, now }
  for index = 2, #KEYS do
    if nodes[index].changed then write(KEYS[index], nodes[index]) end
    table.insert(reply, #nodes[index].leases)
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

-- A lease that is not there (Redis was emptied, or this process was too slow) is made again without asking for a free
-- slot: its call is running on the node. An orphan takes its GPU time back.
-- ARGV: lease_us, then for each lease: index of its node in KEYS, id, tokens, thinking tokens, gpus, expected, facts.
-- Returns {now, taken of each node, then known (1 or 0) and GPU time of each lease}.
local function renew()
  local lease_us, nodes, told = tonumber(ARGV[2]), {}, {}
  for index = 2, #KEYS do nodes[index] = read(KEYS[index]) end
  for at = 3, #ARGV, 7 do
    local node, id, tokens = nodes[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2])
    local index, known = find(node, id), 1
    local lease
    if index then
      lease = node.leases[index]
      lease.deadline = now + lease_us
    else
      local packed = redis.call('HGET', KEYS[1], id)
      local gpu = packed and held(packed) or 0
      if not packed then known = 0 end
      redis.call('HDEL', KEYS[1], id)
      lease = add(node, id, lease_us, tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), ARGV[at + 6], gpu)
    end
    tick(lease, tokens, node.at)
    lease.thinking = math.max(lease.thinking or 0, tonumber(ARGV[at + 3]))
    table.insert(told, known)
    table.insert(told, lease.gpu)
  end
  local reply = { now }
  for index = 2, #KEYS do
    write(KEYS[index], nodes[index])
    table.insert(reply, #nodes[index].leases)
  end
  for _, value in ipairs(told) do table.insert(reply, value) end
  return reply
end

-- ARGV: id, channel. Returns {now, taken, known (1 or 0), GPU time}.
local function release()
  local node, id, known, gpu = read(KEYS[2]), ARGV[2], 0, 0
  local index = find(node, id)
  if index then
    known, gpu = 1, table.remove(node.leases, index).gpu
  else
    local packed = redis.call('HGET', KEYS[1], id)
    if packed then known, gpu = 1, held(packed) end
    redis.call('HDEL', KEYS[1], id)
  end
  write(KEYS[2], node)
  redis.call('PUBLISH', ARGV[3], KEYS[2])
  return { now, #node.leases, known, gpu }
end

-- Returns {now, taken of each node}.
local function sweep()
  local reply = { now }
  for index = 2, #KEYS do
    local node = read(KEYS[index])
    if node.changed then write(KEYS[index], node) end
    table.insert(reply, #node.leases)
  end
  return reply
end

if operation == 'acquire' then return acquire() end
if operation == 'renew' then return renew() end
if operation == 'release' then return release() end
return sweep()
