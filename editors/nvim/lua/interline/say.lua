-- How the user is told something: on one line, never asking for Enter, with nothing hidden in it. Must not know the server.

local M = {}

---@param message string
---@param level? integer
function M.notify(message, level)
  vim.notify('interline: ' .. message, level or vim.log.levels.INFO)
end

---Shows one line, cut so that it never asks for Enter.
---@param text string
---@param highlight? string
function M.echo(text, highlight)
  local line = 'interline: ' .. M.visible(vim.trim(text):match('^[^\n]*'))
  local space = math.max(vim.v.echospace, 20)
  if vim.fn.strdisplaywidth(line) > space then
    line = vim.fn.strcharpart(line, 0, space - 1) .. '…'
  end
  vim.api.nvim_echo({ { line, highlight } }, false, {})
end

---A message that should be noticed but must not stop the user: one line; :messages has the whole of it.
---@param text string
---@param level integer
function M.brief(text, level)
  local whole = M.visible(vim.trim(text), true)
  if whole:find('\n') or vim.fn.strdisplaywidth(whole) > vim.v.echospace - 12 then
    for line in vim.gsplit(whole, '\n') do
      vim.api.nvim_cmd({ cmd = 'echomsg', args = { vim.fn.string(line) }, mods = { silent = true } }, {})
    end
    return M.echo(whole, level >= vim.log.levels.WARN and 'WarningMsg' or nil)
  end
  M.notify(whole, level)
end

---Makes control characters and invisible or direction-changing ones visible, so that what is shown is what is meant.
---@param text string
---@param keep_lines? boolean leave line breaks as they are
---@return string
function M.visible(text, keep_lines)
  local shown = text:gsub('[%z\1-\31\127]', function(char)
    if char == '\n' and keep_lines then
      return char
    end
    local named = { ['\n'] = '\\n', ['\r'] = '\\r', ['\t'] = '\\t', ['\27'] = '\\e' }
    return named[char] or ('\\x%02x'):format(char:byte())
  end)
  -- C1 controls; zero-width, direction and line marks; word joiners; byte-order mark; tag characters.
  shown = shown:gsub('\194[\128-\159]', M.code_point)
  shown = shown:gsub('\226\128[\139-\143\168-\175]', M.code_point)
  shown = shown:gsub('\226\129[\160-\175]', M.code_point)
  shown = shown:gsub('\239\187\191', M.code_point)
  shown = shown:gsub('\243\160[\128-\129][\128-\191]', M.code_point)
  return shown
end

---@param char string
---@return string
function M.code_point(char)
  return ('<U+%04X>'):format(vim.fn.char2nr(char, true))
end

return M
