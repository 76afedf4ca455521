-- Shows the conversation as a read-only Markdown document beside the code. The focus stays where it is.
-- Must not build the text: the server does.

local config = require('interline.config')
local say = require('interline.say')

local M = {}

---@param window integer
---@return boolean
local function is_ours(window)
  return vim.w[window].interline_transcript == true
end

---The window of this tab page that shows the transcript.
---@return integer?
function M.window()
  return vim.iter(vim.api.nvim_tabpage_list_wins(0)):find(is_ours)
end

---@param bufnr integer
local function prepare(bufnr)
  vim.bo[bufnr].buflisted = false
  vim.bo[bufnr].swapfile = false
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].bufhidden = 'hide'
  vim.bo[bufnr].filetype = 'markdown'
  pcall(vim.treesitter.start, bufnr, 'markdown')
  vim.keymap.set('n', 'q', '<Cmd>close<CR>', { buffer = bufnr, nowait = true, desc = 'Close the transcript' })
end

---@param window integer
local function follow(window)
  local bufnr = vim.api.nvim_win_get_buf(window)
  local last = vim.api.nvim_buf_line_count(bufnr)
  if window ~= vim.api.nvim_get_current_win() then
    vim.api.nvim_win_set_cursor(window, { last, 0 })
  end
end

---The scratch buffer of a transcript.
---@param name string
---@return integer
function M.buffer(name)
  local full = 'interline://' .. name
  local bufnr = vim.fn.bufnr('^' .. vim.fn.escape(full, '*?[]{}') .. '$')
  if bufnr == -1 then
    bufnr = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(bufnr, full)
    prepare(bufnr)
  end
  return bufnr
end

---Replaces the text, as little of it as has changed, and keeps the end in sight.
---@param bufnr integer
---@param text string
function M.set(bufnr, text)
  local lines = vim.split(text, '\r?\n')
  local old = vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)
  local same = 0
  while same < #old and same < #lines and old[same + 1] == lines[same + 1] do
    same = same + 1
  end
  if same == #old and same == #lines then
    return
  end
  vim.bo[bufnr].modifiable = true
  vim.api.nvim_buf_set_lines(bufnr, same, -1, false, vim.list_slice(lines, same + 1))
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].modified = false
  for _, window in ipairs(vim.fn.win_findbuf(bufnr)) do
    if is_ours(window) then
      follow(window)
    end
  end
end

---Shows a buffer in the transcript's window; opens that window where there is none.
---@param bufnr integer
---@param focus? boolean
function M.show(bufnr, focus)
  local window = M.window()
  if not window then
    local back = vim.api.nvim_get_current_win()
    local ok, err = pcall(vim.cmd, config.get().answers.split)
    if not ok then
      return say.notify('the setting `answers.split` failed: ' .. tostring(err), vim.log.levels.ERROR)
    end
    window = vim.api.nvim_get_current_win()
    vim.w[window].interline_transcript = true
    vim.api.nvim_win_set_buf(window, bufnr)
    for option, value in pairs({
      wrap = true,
      linebreak = true,
      number = false,
      relativenumber = false,
      signcolumn = 'no',
      foldenable = false,
      spell = false,
      conceallevel = 2,
      winfixheight = true,
    }) do
      vim.api.nvim_set_option_value(option, value, { win = window, scope = 'local' })
    end
    vim.api.nvim_set_current_win(back)
  else
    vim.api.nvim_win_set_buf(window, bufnr)
  end
  follow(window)
  if focus then
    vim.api.nvim_set_current_win(window)
  end
end

return M
