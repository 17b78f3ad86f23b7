-- Which nodes have read how a conversation begins.
--
-- A key is the mark of a beginning; its fields are a node and a model, each with when it is forgotten (milliseconds by
-- Redis' clock). An old field is passed over; the key goes with its newest field.
-- ARGV: operation, then
--   find: nothing. KEYS are marks. Returns the fields of each that are not forgotten.
--   keep: how long (milliseconds), then for each key its field.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

if ARGV[1] == 'find' then
  local found = {}
  for index, key in ipairs(KEYS) do
    local kept, fields = {}, redis.call('HGETALL', key)
    for at = 1, #fields, 2 do
      if tonumber(fields[at + 1]) > now then table.insert(kept, fields[at]) end
    end
    found[index] = kept
  end
  return found
end

for index, key in ipairs(KEYS) do
  redis.call('HSET', key, ARGV[index + 2], now + ARGV[2])
  redis.call('PEXPIRE', key, ARGV[2])
end
return {}
