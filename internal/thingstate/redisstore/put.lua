-- Put: KEYS[1] is the item. ARGV: who makes it, whose lease it ends, the count of Puts
-- that this one's Take returned, who is finished after it, the item's life in
-- milliseconds, the record.
local by, of, before, finishers, life, record = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local item = redis.call('GET', KEYS[1])
if not item then return 'lost' end
local stop, _, format, token, last, puts, finished = string.find(item, '^(%d+) (%d+) %d+ (%x+) (%d+) d=([%x,]*) p=[%x,?]*\n')
if not stop then return 'lost' end
if last ~= of or puts ~= before then
  -- Others came since. It may have been made before that.
  return string.find(finished, by .. ',', 1, true) and 'made' or 'lost'
end
local header = string.format('%s %s 0 %s %.0f d=%s p=\n0 0 %d\n', format, token, by, tonumber(puts) + 1, finishers, #record)
redis.call('SET', KEYS[1], header .. record, 'PX', life)
return 'put'
