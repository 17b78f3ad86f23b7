-- What nodes load: one model with one context at a time, whoever asks.
--
-- A lease whose call waits for a load has `load` = {model, ctx, till} until the first sign of life of one that waits for
-- the same. A node's `loaded` = [{model, ctx, at}] is what was loaded lately: looks of other processes may be older. What a
-- call wants is "model context left", `left` being -1 if that is in memory. `fleet.loads.Load` has the same rule.
local LOADED_KEPT_US = 10000000

local wants = {}
local function want_of(text)
  if not text or text == '' then return nil end
  if wants[text] == nil then
    local model, ctx, left = string.match(text, '^(%S+) (%d+) (%-?%d+)$')
    wants[text] = model and { model = model, ctx = tonumber(ctx), left = tonumber(left) } or false
  end
  return wants[text] or nil
end

local loads_of = {}
local NO_LOADS = {}

-- The leases of a node whose calls wait for a load.
local function loading(node)
  local found = loads_of[node]
  if not found then
    found = NO_LOADS
    for _, lease in ipairs(node.leases) do
      if lease.load then
        if found == NO_LOADS then found = {} end
        table.insert(found, lease)
      end
    end
    loads_of[node] = found
  end
  return found
end

-- The load that a call which wants that must wait for.
local function held_up_by(node, text)
  local under_way, want = loading(node), nil
  if under_way == NO_LOADS then return nil end
  want = want_of(text)
  for _, lease in ipairs(want and under_way or NO_LOADS) do
    local load = lease.load
    if load.model == want.model then
      if load.ctx < want.ctx then return load end
    elseif want.left >= 0 then
      return load
    end
  end
end

local function fresh(node)
  local kept = {}
  for _, one in ipairs(node.loaded or NO_LOADS) do
    if one.at > now - LOADED_KEPT_US then table.insert(kept, one) end
  end
  return kept
end

-- What was loaded lately is not loaded anew with less context by who has not heard of it.
local function known_ctx(node, want)
  local ctx = want.ctx
  for _, one in ipairs(fresh(node)) do
    if one.model == want.model then ctx = math.max(ctx, one.ctx) end
  end
  return ctx
end

-- Notes on a new lease what its call loads, or which load it waits for.
local function note_load(node, lease, text)
  local want = want_of(text)
  if not want then return end
  for _, other in ipairs(loading(node)) do
    if other.load.model == want.model and other.load.ctx >= want.ctx then
      lease.load = { model = want.model, ctx = other.load.ctx, till = other.load.till }
    end
  end
  if not lease.load and want.left >= 0 then
    lease.load = { model = want.model, ctx = known_ctx(node, want), till = now + want.left }
  end
  loads_of[node] = nil
end

-- A call gave a sign of life: what it waited for is in memory, for all that wait for the same.
local function note_loaded(node, lease)
  local load = lease.load
  if not load then return end
  local kept = {}
  for _, one in ipairs(fresh(node)) do
    if one.model ~= load.model then table.insert(kept, one) end
  end
  table.insert(kept, { model = load.model, ctx = load.ctx, at = now })
  node.loaded, node.changed, loads_of[node] = kept, true, nil
  for _, other in ipairs(node.leases) do
    if other.load and other.load.model == load.model and other.load.ctx == load.ctx then other.load = nil end
  end
  lease.load = nil
end

-- [{model, context, microseconds left, 1 until it is there}] of a node; nil if there is nothing to tell.
local function loads_told(node)
  local told
  for _, lease in ipairs(loading(node)) do
    told = told or {}
    table.insert(told, { lease.load.model, lease.load.ctx, lease.load.till - now, 1 })
  end
  for _, one in ipairs(node.loaded and fresh(node) or NO_LOADS) do
    told = told or {}
    table.insert(told, { one.model, one.ctx, 0, 0 })
  end
  return told
end
