-- Take: KEYS[1] is the item. ARGV: the newest format that the caller reads and writes,
-- the holder, the lease and the item's life in milliseconds, how much may be pending,
-- the marks.
local newest, by, lease, life = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local most, marks = tonumber(ARGV[5]), ARGV[6]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The first token and the first count of Puts are the time, so that both grow even if an
-- item was forgotten.
local token, until_, last, puts, finished, took, rest = now, 0, '', now, '', '', ''
local item = redis.call('GET', KEYS[1])
if item then
  local format = string.match(item, '^(%d+) ')
  if not format then return {'damaged'} end
  if tonumber(format) > newest then return {'newer', tonumber(format)} end
  if format == '1' then
    local _, stop, t, u, h, p = string.find(item, '^1 (%d+) (%d+) (%x+) (%d+)\n')
    if not stop then return {'damaged'} end
    token, until_, last, rest = tonumber(t), tonumber(u), h, string.sub(item, stop + 1)
    took = string.rep('?,', tonumber(p))
  else
    local _, stop, t, u, h, w, d, p = string.find(item, '^%d+ (%d+) (%d+) (%x+) (%d+) d=([%x,]*) p=([%x,?]*)\n')
    if not stop then return {'damaged'} end
    token, until_, last, puts, finished, took = tonumber(t), tonumber(u), h, tonumber(w), d, p
    rest = string.sub(item, stop + 1)
  end
end

-- Each holder in a list has a comma behind it.
local function has(list, holder) return string.find(list, holder .. ',', 1, true) end

if has(finished, by) then return {'held', 0} end
if last == by then
  -- The repetition of a Take whose lease nobody ended; or one that was so long on its
  -- way that the lease has ended since.
  if until_ == 0 then return {'held', 0} end
elseif until_ > now then
  return {'held', until_ - now}
elseif has(took, by) then
  return {'held', 0} -- others took the item from it
end
local _, pending = string.gsub(took, ',', '')
if pending >= most then return {'full', now, token, puts, last, finished, rest} end

token = token + 1
local header = string.format('%d %.0f %.0f %s %.0f d=%s p=%s%s,\n', newest, token, now + lease, by, puts, finished, took, by)
local entry = string.format('%.0f %.0f %d\n', now, token, #marks)
redis.call('SET', KEYS[1], header .. rest .. entry .. marks, 'PX', life)
return {'taken', now, token, puts, last, finished, rest}
