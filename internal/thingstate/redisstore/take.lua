-- Take: KEYS[1] is the item. ARGV: the newest format that the caller reads, the
-- holder, the lease and the item's life in milliseconds, how much may be pending,
-- the marks.
local newest, by, lease, life = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local most, marks = tonumber(ARGV[5]), ARGV[6]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The first token is the time, so that tokens grow even where an item was forgotten.
local token, until_, last, pending, rest = now, 0, '', 0, ''
local item = redis.call('GET', KEYS[1])
if item then
  local _, stop, f, t, u, h, p = string.find(item, '^(%d+) (%d+) (%d+) (%x+) (%d+)\n')
  if not stop then return {'damaged'} end
  if tonumber(f) > newest then return {'newer', tonumber(f)} end
  token, until_, last, pending = tonumber(t), tonumber(u), h, tonumber(p)
  rest = string.sub(item, stop + 1)
end

if last == by then
  -- The repetition of a Take whose lease nobody ended; or one that was so long on its
  -- way that the lease has ended since.
  if until_ == 0 then return {'held', 0} end
elseif until_ > now then
  return {'held', until_ - now}
end
if pending >= most then return {'full', now, item} end

token = token + 1
local header = string.format('%d %.0f %.0f %s %d\n', newest, token, now + lease, by, pending + 1)
local entry = string.format('%.0f %.0f %d\n', now, token, #marks)
redis.call('SET', KEYS[1], header .. rest .. entry .. marks, 'PX', life)
return {'taken', now, item, token}
