-- Whose turn it is among the calls that wait for a slot, kept under one key: the rules of `order.Order` and `outlook`,
-- step by step. A call that waits is {id, queue, lane, tenant, guess, cost, came, till, replica, nodes}, `nodes` being
-- "name=slots" lines; a tenant's {charged, open, served, left, patience,
-- hasty, calls} by lane; times in microseconds.
local QUEUE, CALLS = 'sy:queue', 'sy:queue:calls'
local LANES = { 'question', 'interactive', 'batch', 'background' }
local SHARES = { question = 20, interactive = 60, batch = 15, background = 5 }
local STARVED_US, OVERTAKEN_US, SHORTER = 120000000, 30000000, 4
local LEAVE_WEIGHT, STAY_WEIGHT, HASTY, CALM, PACE_KEPT, IDLE_KEPT = 0.1, 0.02, 0.1, 0.02, 0.95, 256
local LEAST_PATIENCE_US, NEARLY_ALL = 250000, 2
local KEEP_QUEUE_MS = 86400000
local QUEUE_FULL, TENANT_FULL, TOO_LONG, DEADLINE = 1, 2, 3, 4

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local kept, kept_changed

local function order()
  if not kept then
    local packed = redis.call('GET', QUEUE)
    local ok, found = false, nil
    if packed then ok, found = pcall(cmsgpack.unpack, packed) end
    if not ok or type(found) ~= 'table' or type(found.lines) ~= 'table' then
      found = { level = 0, lines = {}, paces = {}, replicas = {}, granted = {} }
    end
    for _, lane in ipairs(LANES) do
      found.lines[lane] = found.lines[lane] or { charged = 0, open = 0, served = 0, level = 0, flows = {} }
    end
    kept = found
  end
  return kept
end

local function changed() kept_changed = true end

local function save_order()
  if kept_changed then redis.call('SET', QUEUE, cmsgpack.pack(kept), 'PX', KEEP_QUEUE_MS) end
end

local function of_lane(lane, cost) return math.floor(cost * 100 / SHARES[lane]) end

local function is_before(one, other)
  local a, b = one.came + math.min(SHORTER * one.cost, OVERTAKEN_US), other.came + math.min(SHORTER * other.cost, OVERTAKEN_US)
  if a ~= b then return a < b end
  return one.id < other.id
end

local parsed = {}
local function nodes_of(call)
  local found = parsed[call.nodes]
  if not found then
    found = { names = {}, slots = {}, total = 0 }
    for name, slots in string.gmatch(call.nodes, '([^\n]+)=(%d+)') do
      table.insert(found.names, name)
      found.slots[name] = tonumber(slots)
      found.total = found.total + tonumber(slots)
    end
    found.total = math.max(1, found.total)
    parsed[call.nodes] = found
  end
  return found
end

local met = {}
local function meets(one, other)
  if one.nodes == other.nodes then return true end
  local pair = one.nodes .. '\n\n' .. other.nodes
  if met[pair] == nil then
    met[pair] = false
    local theirs = nodes_of(other).slots
    for _, name in ipairs(nodes_of(one).names) do
      if theirs[name] then met[pair] = true end
    end
  end
  return met[pair]
end

local function new_flow(charged)
  return { charged = charged, open = 0, served = 0, left = 0, patience = 0, hasty = false, calls = {} }
end

local function is_idle(line)
  for _, flow in pairs(line.flows) do
    if #flow.calls > 0 then return false end
  end
  return true
end

local function settled(one) return one.charged - one.open end

local function open_charge(one, cost) one.charged, one.open = one.charged + cost, one.open + cost end

local function close_charge(one, cost, gpu)
  one.charged, one.open = math.max(0, one.charged + gpu - cost), math.max(0, one.open - cost)
end

-- The least that lanes in which calls wait have had for certain, and the least of tenants in one lane; nil if nobody waits.
local function least_lane()
  local least
  for _, lane in ipairs(LANES) do
    local line = order().lines[lane]
    if not is_idle(line) then least = math.min(least or settled(line), settled(line)) end
  end
  return least
end

local function least_flow(line)
  local least
  for _, flow in pairs(line.flows) do
    if #flow.calls > 0 then least = math.min(least or settled(flow), settled(flow)) end
  end
  return least
end

local function enter(lane, tenant)
  local all, line = order(), order().lines[lane]
  changed()
  if is_idle(line) then line.charged = math.max(line.charged, all.level) end
  local flow = line.flows[tenant]
  if not flow then
    flow = new_flow(0)
    line.flows[tenant] = flow
  end
  if #flow.calls == 0 then flow.charged = math.max(flow.charged, line.level) end
  return flow
end

local function add_waiting(call)
  local flow = enter(call.lane, call.tenant)
  local at = #flow.calls + 1
  for index, other in ipairs(flow.calls) do
    if is_before(call, other) then at = index break end
  end
  table.insert(flow.calls, at, call)
  return flow
end

local function each_waiting(visit)
  for _, lane in ipairs(LANES) do
    for _, flow in pairs(order().lines[lane].flows) do
      for _, call in ipairs(flow.calls) do visit(call, flow) end
    end
  end
end

local function find_waiting(lane, tenant, id)
  local flow = order().lines[lane].flows[tenant]
  for index, call in ipairs(flow and flow.calls or {}) do
    if call.id == id then return call, flow, index end
  end
end

local function remove_waiting(call)
  local _, flow, index = find_waiting(call.lane, call.tenant, call.id)
  table.remove(flow.calls, index)
  changed()
end

-- A call that may be refused: it is written when something else changes, or `changed` says that it stays. Also returns what
-- takes it back, as if it had not come.
local function try_waiting(call)
  local line, so_far = order().lines[call.lane], kept_changed
  local known, charged = line.flows[call.tenant], line.charged
  local own = known and known.charged or 0
  local flow = add_waiting(call)
  local raised, own_raised = line.charged - charged, flow.charged - own
  kept_changed = so_far
  return flow, function()
    local _, _, index = find_waiting(call.lane, call.tenant, call.id)
    table.remove(flow.calls, index)
    line.charged, flow.charged = line.charged - raised, flow.charged - own_raised
    if not known then line.flows[call.tenant] = nil end
  end
end

local function tidy(line)
  local idle = {}
  for tenant, flow in pairs(line.flows) do
    if #flow.calls == 0 and flow.open == 0 then
      if flow.charged <= line.level and not flow.hasty then
        line.flows[tenant] = nil
      else
        table.insert(idle, { flow.charged, tenant })
      end
    end
  end
  if #idle > IDLE_KEPT then
    table.sort(idle, function(a, b) if a[1] ~= b[1] then return a[1] < b[1] end return a[2] < b[2] end)
    for index = 1, #idle - IDLE_KEPT do line.flows[idle[index][2]] = nil end
  end
end

local function charge(call)
  local all, line = order(), order().lines[call.lane]
  local flow = enter(call.lane, call.tenant)
  line.level = math.max(line.level, math.min(settled(flow), least_flow(line) or settled(flow)))
  all.level = math.max(all.level, math.min(settled(line), least_lane() or settled(line)))
  open_charge(flow, call.cost)
  open_charge(line, of_lane(call.lane, call.cost))
  flow.served, line.served = now, now
  flow.left = flow.left * (1 - STAY_WEIGHT)
  flow.hasty = flow.hasty and flow.left >= CALM
  tidy(line)
end

local function settle_charge(lane, tenant, cost, gpu)
  local line = order().lines[lane]
  changed()
  close_charge(line, of_lane(lane, cost), of_lane(lane, gpu))
  line.flows[tenant] = line.flows[tenant] or new_flow(line.level)
  close_charge(line.flows[tenant], cost, gpu)
end

local function note_left(came, flow)
  local waited = now - came
  if flow.patience > 0 then
    flow.patience = flow.patience + 0.3 * (waited - flow.patience)
  else
    flow.patience = flow.patience + waited
  end
  flow.left = flow.left + LEAVE_WEIGHT * (1 - flow.left)
  flow.hasty = flow.hasty or flow.left > HASTY
end

local function note_pace(queue, guess, gpu, held)
  local paces = order().paces
  local pace = paces[queue] or { calls = 0, guess = 0, gpu = 0, held = 0 }
  pace.calls = pace.calls * PACE_KEPT + 1
  pace.guess = pace.guess * PACE_KEPT + guess
  pace.gpu = pace.gpu * PACE_KEPT + gpu
  pace.held = pace.held * PACE_KEPT + held
  paces[queue] = pace
  changed()
end

local function is_less(one, other)
  for index, value in ipairs(one) do
    if value ~= other[index] then return value < other[index] end
  end
  return false
end

local function flow_key(flow, head)
  local since = math.max(flow.served, head.came)
  if now - since >= STARVED_US then return { 0, since, 0, 0, head.id } end
  return { 1, flow.charged, flow.served, head.came, head.id }
end

local function lane_key(line, head, at)
  local since = math.max(line.served, head.came)
  if now - since >= STARVED_US then return { 0, since, at } end
  return { 1, line.charged, at }
end

-- Also returns whether it is its turn because it starved.
local function head_of(line, is_free)
  local best, best_key
  for _, flow in pairs(line.flows) do
    for _, call in ipairs(flow.calls) do
      if is_free(call) then
        local key = flow_key(flow, call)
        if not best or is_less(key, best_key) then best, best_key = call, key end
        break
      end
    end
  end
  return best, best and best_key[1] == 0
end

-- Returns whose turn it is, taken out, `starved` if it goes before all deficits. None of those waiting has a free slot: nil.
local function next_waiting(is_free)
  local best, best_key, best_starved
  for at, lane in ipairs(LANES) do
    local line = order().lines[lane]
    local head, starved = head_of(line, is_free)
    if head then
      local key = lane_key(line, head, at)
      if not best or is_less(key, best_key) then best, best_key, best_starved = head, key, starved or key[1] == 0 end
    end
  end
  if best then
    remove_waiting(best)
    best.starved = best_starved and 1 or nil
  end
  return best
end

-- Those that gave up, and those of processes that were not heard of since.
local function drop_waiting()
  local alive, gone = order().replicas, {}
  each_waiting(function(call)
    if call.till <= now or (alive[call.replica] or 0) <= now then table.insert(gone, call) end
  end)
  for _, call in ipairs(gone) do
    remove_waiting(call)
    redis.call('HDEL', CALLS, call.id)
  end
  for replica, till in pairs(alive) do
    if till <= now then alive[replica] = nil changed() end
  end
end

local function pace_of(queue)
  local pace = order().paces[queue]
  if pace and pace.guess > 0 and pace.gpu > 0 then return pace end
end

-- What calls of such a guess turn out to take.
local function cost_of(queue, guess)
  local pace = pace_of(queue)
  if not pace then return guess end
  return math.floor(guess * pace.gpu / pace.guess)
end

local function wait_us(queue, ahead, slots, cost)
  local pace = pace_of(queue)
  if not pace then return math.floor((ahead + cost) / slots) end
  return math.floor((ahead * pace.held / pace.gpu + pace.held / pace.calls) / slots)
end

local function before(flow, call, tag, is_own)
  local cost, count, charged = 0, 0, flow.charged
  for _, other in ipairs(flow.calls) do
    if is_own then
      if not is_before(other, call) then break end
    elseif charged >= tag then
      break
    end
    charged = charged + other.cost
    if meets(other, call) then cost, count = cost + other.cost, count + 1 end
  end
  return cost, count
end

local function due(line, call, most)
  local total, count = 0, 0
  for _, flow in pairs(line.flows) do
    for _, other in ipairs(flow.calls) do
      if meets(other, call) then total, count = total + other.cost, count + 1 end
    end
  end
  if most <= 0 or total <= 0 then return 0, 0 end
  local cost = math.min(total, most)
  return cost, math.ceil(count * cost / total)
end

-- Returns position and ETA of a call that waits.
local function outlook(call)
  local line, ahead, count = order().lines[call.lane], 0, 0
  local mine = line.flows[call.tenant]
  local tag = mine.charged
  for _, other in ipairs(mine.calls) do
    if not is_before(other, call) then break end
    tag = tag + other.cost
  end
  for _, flow in pairs(line.flows) do
    local cost, calls = before(flow, call, tag, flow == mine)
    ahead, count = ahead + cost, count + calls
  end
  local charged = line.charged + of_lane(call.lane, ahead)
  for _, lane in ipairs(LANES) do
    if lane ~= call.lane then
      local other = order().lines[lane]
      local cost, calls = due(other, call, math.floor((charged - other.charged) * SHARES[lane] / 100))
      ahead, count = ahead + cost, count + calls
    end
  end
  return count + 1, wait_us(call.queue, ahead, nodes_of(call).total, call.cost)
end

-- `bounds` is {places, tenant_places, wait, deadline (-1: none), is_patient}. Returns 0 if the call may wait, else why not.
local function overload(call, flow, bounds)
  local waiting, own = 0, 0
  for _, other in pairs(order().lines[call.lane].flows) do
    for _, one in ipairs(other.calls) do
      if one.queue == call.queue then
        waiting = waiting + 1
        if other == flow then own = own + 1 end
      end
    end
  end
  if waiting > bounds.places then return QUEUE_FULL end
  if own > bounds.tenant_places then return TENANT_FULL end
  local pace = pace_of(call.queue)
  if not pace then return 0 end
  local _, eta = outlook(call)
  local longest = bounds.wait
  if not bounds.is_patient and flow.hasty then
    local held = call.guess * pace.held / pace.guess
    local patience = math.floor(flow.patience / 2 - math.min(held, flow.patience / 4))
    longest = math.min(longest, math.max(LEAST_PATIENCE_US, patience))
  end
  if eta > longest then return TOO_LONG end
  if bounds.deadline >= 0 and eta > bounds.deadline then return DEADLINE end
  return 0
end

local function is_late(call)
  local flow, pace = order().lines[call.lane].flows[call.tenant], pace_of(call.queue)
  if not flow.hasty or not pace then return false end
  local waited, held = now - call.came, call.guess * pace.held / pace.guess
  return waited > flow.patience / 2 and waited + NEARLY_ALL * held > flow.patience
end

-- Returns how long it takes until all that wait in a queue have their slots, and how many of each lane do.
local function drain(queue)
  local total, first, counts = 0, nil, {}
  each_waiting(function(call)
    if call.queue == queue then
      total, counts[call.lane] = total + call.cost, (counts[call.lane] or 0) + 1
      if not first or call.id < first.id then first = call end
    end
  end)
  if not first then return 0, counts end
  return wait_us(queue, total, nodes_of(first).total, first.cost), counts
end

local function deficit(lane)
  local line, most = order().lines[lane], 0
  for _, flow in pairs(line.flows) do most = math.max(most, flow.charged - line.level) end
  return most
end
