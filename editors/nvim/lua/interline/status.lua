-- One line about what Interline does, for a statusline: `%{v:lua.require'interline'.status()}`. Must be quick: it reads only.

local M = {}

---@param text string
---@param width integer
---@return string
local function shorten(text, width)
  return vim.fn.strdisplaywidth(text) <= width and text or vim.fn.strcharpart(text, 0, width - 1) .. '…'
end

---What the session that was heard of last has cost; nothing where that is nothing, or not known.
---@return string?
local function cost()
  local _, state = require('interline.turns').latest()
  local dollars = state and state.cost or 0
  if dollars > 0 then
    return dollars < 0.01 and '<$0.01' or ('$%.2f'):format(dollars)
  end
end

---Empty where there is nothing to say.
---@return string
function M.line()
  local waiting = require('interline.permission').waiting()
  local running = require('interline.turns').running()
  local hunks = require('interline.hunks').count()
  local parts = {}
  if waiting > 0 then
    parts[#parts + 1] = 'permission?'
  elseif running then
    parts[#parts + 1] = shorten(require('interline.say').visible(running.activity or running.title or 'working'), 40)
  end
  if hunks > 0 then
    parts[#parts + 1] = ('%d to review'):format(hunks)
  end
  parts[#parts + 1] = cost()
  return #parts > 0 and 'interline: ' .. table.concat(parts, ' · ') or ''
end

---Something that the line shows has changed.
M.changed = require('interline.debounce')(30, function()
  vim.cmd.redrawstatus({ bang = true })
end)

return M
