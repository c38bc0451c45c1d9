-- Put: KEYS[1] is the item. ARGV: the holder, the item's life in milliseconds, the
-- record.
local by, life, record = ARGV[1], ARGV[2], ARGV[3]
local item = redis.call('GET', KEYS[1])
if not item then return 'lost' end
local stop, _, format, token, last = string.find(item, '^(%d+) (%d+) %d+ (%x+) %d+\n')
if not stop or last ~= by then return 'lost' end
local header = string.format('%s %s 0 %s 0\n0 0 %d\n', format, token, by, #record)
redis.call('SET', KEYS[1], header .. record, 'PX', life)
return 'put'
