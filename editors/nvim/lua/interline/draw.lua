-- Draws hunks in a buffer: the old lines struck, the new ones as virtual lines below, a sign beside them.
-- Must not change text or options, and must not know the server: it gets hunks and draws them.

local config = require('interline.config')
local say = require('interline.say')

local M = {}

M.namespace = vim.api.nvim_create_namespace('interline.hunks')

---@param from integer
---@param to integer
---@return integer
local function blend(from, to)
  local mixed = 0
  for shift = 16, 0, -8 do
    local part = bit.lshift(1, shift)
    local a, b = math.floor(from / part) % 256, math.floor(to / part) % 256
    mixed = mixed * 256 + math.floor(a * 0.22 + b * 0.78 + 0.5)
  end
  return mixed
end

---A line's colour: the scheme's own, or, where that has no background, one made of its foreground.
---@param name string
---@param source string
local function define_band(name, source)
  local found = vim.api.nvim_get_hl(0, { name = source, link = false })
  if found.bg or found.reverse or not found.fg then
    return vim.api.nvim_set_hl(0, name, { link = source, default = true })
  end
  local normal = vim.api.nvim_get_hl(0, { name = 'Normal', link = false })
  local background = normal.bg or (vim.o.background == 'dark' and 0x14161b or 0xe0e2ea)
  vim.api.nvim_set_hl(0, name, {
    bg = blend(found.fg, background),
    ctermfg = found.ctermfg,
    ctermbg = found.ctermbg,
    default = true,
  })
end

---Colours; what the user or the scheme has defined under these names goes before.
function M.define_highlights()
  define_band('InterlineAdd', 'DiffAdd')
  define_band('InterlineDelete', 'DiffDelete')
  define_band('InterlineConflict', 'DiagnosticWarn')
  local links = {
    InterlineAddText = 'DiffText',
    InterlineSignAdd = 'Added',
    InterlineSignChange = 'Changed',
    InterlineSignDelete = 'Removed',
    InterlineSignConflict = 'DiagnosticSignWarn',
    InterlineHint = 'Comment',
    InterlineVerdict = 'InterlineHint',
    InterlineVerdictChecked = 'DiagnosticOk',
    InterlineVerdictWorse = 'DiagnosticWarn',
  }
  for name, link in pairs(links) do
    vim.api.nvim_set_hl(0, name, { link = link, default = true })
  end
end

---Tabs as wide as the buffer shows them: virtual text has no tab stops of its own.
---@param line string
---@param tabstop integer
---@return string
local function expand_tabs(line, tabstop)
  local column = 0
  return (
    say.visible((line:gsub('[^\t]*\t', function(part)
      local text = part:sub(1, -2)
      column = column + vim.fn.strdisplaywidth(text)
      local width = tabstop - column % tabstop
      column = column + width
      return text .. (' '):rep(width)
    end)))
  )
end

---Where a new line differs from the old one that it replaces: byte offsets of the changed middle.
---@param old string
---@param new string
---@return integer? from
---@return integer? to
local function changed_part(old, new)
  local from = 0
  while from < #old and from < #new and old:byte(from + 1) == new:byte(from + 1) do
    from = from + 1
  end
  local same = 0
  while same < #old - from and same < #new - from and old:byte(#old - same) == new:byte(#new - same) do
    same = same + 1
  end
  -- Never cut a character in two; a line that has little in common is new as a whole.
  from = from + vim.str_utf_start(new .. ' ', from + 1)
  local to = #new - same
  to = to + vim.str_utf_end(new .. ' ', math.max(to, 1))
  if (from + same) * 3 < #new or to <= from then
    return nil
  end
  return from, to
end

---@param hunk interline.HunkInfo
---@param bufnr integer
---@return [string, string][][]
local function virtual_lines(hunk, bufnr)
  local result = {}
  if hunk.kind == 'mode' or hunk.kind == 'binary' then
    return result -- not about lines: the hint says it
  end
  local tabstop = vim.bo[bufnr].tabstop
  local old, new = hunk.oldLines, hunk.newLines
  for index, line in ipairs(new) do
    local chunks = {}
    local from, to
    if #old == #new then
      from, to = changed_part(old[index], line)
    end
    if from and to and not line:find('\t', from + 1, true) then
      local head = expand_tabs(line:sub(1, from), tabstop)
      chunks[1] = { head, 'InterlineAdd' }
      chunks[2] = { say.visible(line:sub(from + 1, to)), { 'InterlineAdd', 'InterlineAddText' } }
      chunks[3] = { say.visible(line:sub(to + 1)), 'InterlineAdd' }
    else
      chunks[1] = { expand_tabs(line, tabstop), 'InterlineAdd' }
    end
    -- The band goes on to the window's edge, as a changed line's does.
    chunks[#chunks + 1] = { (' '):rep(vim.o.columns), 'InterlineAdd' }
    result[index] = chunks
  end
  return result
end

---The cells that a line of a buffer has where it is shown.
---@param bufnr integer
---@return integer
local function width(bufnr)
  local window = vim.fn.win_findbuf(bufnr)[1]
  local shown = window and vim.fn.getwininfo(window)[1]
  return shown and shown.width - shown.textoff or 80
end

---@param text string
---@param cells integer
---@return string[]
local function wrapped(text, cells)
  local lines = { '' }
  for word in text:gmatch('%S+') do
    local longer = lines[#lines] == '' and word or lines[#lines] .. ' ' .. word
    if lines[#lines] == '' or vim.fn.strdisplaywidth(longer) <= cells then
      lines[#lines] = longer
    else
      lines[#lines + 1] = word
    end
  end
  return lines
end

---What is known of a hunk: lines below its new ones, as far to the right as they begin.
---@param hunk interline.HunkInfo
---@param bufnr integer
---@return [string, string][][]
local function verdict_lines(hunk, bufnr)
  local verdict = hunk.verdict
  if not verdict or verdict == vim.NIL then
    return {}
  end
  local marks = { checked = '✓ ', worse = '✗ ' }
  local colours = { checked = 'InterlineVerdictChecked', worse = 'InterlineVerdictWorse' }
  local beside = hunk.newLines[#hunk.newLines] or hunk.oldLines[1] or ''
  local indent = hunk.kind == 'text' and expand_tabs(beside:match('^%s*'), vim.bo[bufnr].tabstop) or ''
  local text = (marks[verdict.state] or '') .. say.visible(verdict.text)
  local colour = colours[verdict.state] or 'InterlineVerdict'
  return vim.tbl_map(function(line)
    return { { indent .. line, colour } }
  end, wrapped(text, width(bufnr) - vim.fn.strdisplaywidth(indent)))
end

---@param hunk interline.HunkInfo
---@return string text
---@return string highlight
local function sign(hunk)
  if hunk.state == 'conflict' then
    return '!', 'InterlineSignConflict'
  elseif hunk.kind == 'move' then
    return '>', 'InterlineSignChange'
  elseif #hunk.oldLines == 0 then
    return '+', 'InterlineSignAdd'
  elseif #hunk.newLines == 0 then
    return '-', 'InterlineSignDelete'
  end
  return '~', 'InterlineSignChange'
end

---@param bufnr integer
---@param hunk interline.HunkInfo
---@param label string
---@return integer extmark
function M.hunk(bufnr, hunk, label)
  local settings = config.get().hunks
  local count = vim.api.nvim_buf_line_count(bufnr)
  local first = math.min(hunk.startLine, count)
  local after = math.min(hunk.startLine + hunk.lineCount, count)
  local insertion = after == first
  -- New lines hang below the last old line, or below the line that they are inserted after.
  local above = insertion and first == 0
  local anchor = above and 0 or after - 1
  local sign_text, sign_hl = sign(hunk)
  local lines = virtual_lines(hunk, bufnr)
  vim.list_extend(lines, settings.verdict and verdict_lines(hunk, bufnr) or {})
  vim.api.nvim_buf_set_extmark(bufnr, M.namespace, anchor, 0, {
    virt_lines = lines,
    virt_lines_above = above,
    virt_lines_overflow = vim.fn.has('nvim-0.11') == 1 and 'scroll' or nil,
    priority = 150,
  })
  local row = insertion and anchor or first
  local mark = vim.api.nvim_buf_set_extmark(bufnr, M.namespace, row, 0, {
    end_row = insertion and row or after,
    end_col = 0,
    hl_group = not insertion and (hunk.state == 'conflict' and 'InterlineConflict' or 'InterlineDelete') or nil,
    hl_eol = not insertion or nil,
    virt_text = settings.hint and { { '  ' .. label, 'InterlineHint' } } or nil,
    virt_text_pos = 'eol',
    hl_mode = 'combine',
    priority = 150,
    invalidate = false,
  })
  if settings.signs then
    for line = row, insertion and row or after - 1 do
      vim.api.nvim_buf_set_extmark(bufnr, M.namespace, line, 0, {
        sign_text = sign_text,
        sign_hl_group = sign_hl,
        priority = 150,
      })
    end
  end
  if above then
    M.reveal_top(bufnr, #lines)
  end
  return mark
end

---Virtual lines above the first line stay out of sight unless a window is told to show them.
---@param bufnr integer
---@param count integer
function M.reveal_top(bufnr, count)
  for _, window in ipairs(vim.fn.win_findbuf(bufnr)) do
    vim.api.nvim_win_call(window, function()
      local view = vim.fn.winsaveview()
      if view.topline == 1 and (view.topfill or 0) < count then
        vim.fn.winrestview({ topline = 1, topfill = count })
      end
    end)
  end
end

---@param bufnr integer
function M.clear(bufnr)
  vim.api.nvim_buf_clear_namespace(bufnr, M.namespace, 0, -1)
end

M.define_highlights()

return M
