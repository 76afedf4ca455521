-- Turns a terminal's screen (`tmux capture-pane -e -p`) into a web page: `nvim -l picture.lua < screen > page.html`.
-- For looking at what a user sees; no test depends on it. Knows the SGR codes that Neovim sends, and no more.

local basic = { '#1c1f26', '#d06c6c', '#8fb573', '#d8b26a', '#6f9fd8', '#b07fc8', '#6bb8b8', '#c8ccd4' }

---@param index integer
---@return string
local function palette(index)
  if index < 16 then
    return basic[index % 8 + 1]
  elseif index >= 232 then
    local grey = 8 + (index - 232) * 10
    return ('#%02x%02x%02x'):format(grey, grey, grey)
  end
  local cube = index - 16
  local function level(step)
    return step == 0 and 0 or 55 + step * 40
  end
  return ('#%02x%02x%02x'):format(level(math.floor(cube / 36)), level(math.floor(cube / 6) % 6), level(cube % 6))
end

---@param style table
---@param codes integer[]
local function apply(style, codes)
  local at = 1
  local function color()
    if codes[at + 1] == 2 then
      at = at + 4
      return ('#%02x%02x%02x'):format(codes[at - 2], codes[at - 1], codes[at])
    end
    at = at + 2
    return palette(codes[at] or 0)
  end
  while at <= #codes do
    local code = codes[at]
    if code == 0 then
      for key in pairs(style) do
        style[key] = nil
      end
    elseif code == 1 then
      style.bold = true
    elseif code == 3 then
      style.italic = true
    elseif code == 4 then
      style.underline = true
    elseif code == 7 then
      style.reverse = true
    elseif code == 38 then
      style.fg = color()
    elseif code == 48 then
      style.bg = color()
    elseif code >= 30 and code <= 37 then
      style.fg = basic[code - 29]
    elseif code >= 40 and code <= 47 then
      style.bg = basic[code - 39]
    elseif code >= 90 and code <= 97 then
      style.fg = basic[code - 89]
    elseif code == 39 then
      style.fg = nil
    elseif code == 49 then
      style.bg = nil
    end
    at = at + 1
  end
end

---@param style table
---@return string
local function css(style)
  local fg, bg = style.fg or '#c8ccd4', style.bg or '#14161b'
  if style.reverse then
    fg, bg = bg, fg
  end
  return ('color:%s;background:%s%s%s%s'):format(
    fg,
    bg,
    style.bold and ';font-weight:bold' or '',
    style.italic and ';font-style:italic' or '',
    style.underline and ';text-decoration:underline' or ''
  )
end

local function escape(text)
  return (text:gsub('[&<>]', { ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;' }))
end

io.write('<meta charset="utf-8"><body style="margin:0;background:#14161b">')
io.write('<pre style="margin:12px;font:15px/19px DejaVu Sans Mono,monospace">')
local style = {}
for line in io.lines() do
  local rest = line
  while rest ~= '' do
    local text, codes, after = rest:match('^([^\27]*)\27%[([%d;:]*)m(.*)$')
    io.write(('<span style="%s">%s</span>'):format(css(style), escape(text or rest)))
    if not text then
      break
    end
    local numbers = {}
    for number in ((codes == '' and '0' or codes):gsub(':', ';') .. ';'):gmatch('(%d*);') do
      numbers[#numbers + 1] = tonumber(number) or 0
    end
    apply(style, numbers)
    rest = after
  end
  io.write('\n')
end
