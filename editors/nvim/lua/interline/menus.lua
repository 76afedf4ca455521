-- The actions with a choice to make or something to show: mode, model, sessions, the diff of a proposal.
-- Must not keep state, and must not open a window unless it was asked for.

local actions = require('interline.actions')
local answers = require('interline.answers')
local say = require('interline.say')

local M = {}

M.modes = { 'plan', 'default', 'accept-edits', 'auto' }

---@param items any[]
---@param prompt string
---@param format fun(item: any): string
---@param use fun(item: any)
local function choose(items, prompt, format, use)
  vim.ui.select(items, { prompt = prompt, format_item = format }, function(item)
    if item then
      use(item)
    end
  end)
end

---@param mode? string
function M.mode(mode)
  if mode then
    return actions.plain('mode', { mode = mode }, function()
      say.echo('mode ' .. mode)
    end)
  end
  local _, state = require('interline.turns').latest()
  choose(M.modes, 'Interline mode', function(item)
    return item .. (state and state.mode == item and ' (now)' or '')
  end, M.mode)
end

---@param model? string
function M.model(model)
  actions.plain('model', { model = model }, function(result)
    if model then
      return say.echo('model ' .. result.model)
    end
    choose(result.models, 'Interline model', function(item)
      return item .. (item == result.model and ' (now)' or '')
    end, M.model)
  end)
end

---@param session interline.SessionInfo
---@return string
local function describe(session)
  return ('%s  %s'):format(session.title ~= '' and session.title or '(no title)', session.id:sub(-6))
end

---@param id? string
function M.resume(id)
  if not id then
    return M.sessions()
  end
  actions.plain('resume', { session = id }, function(_, client)
    answers.open(client, id)
  end)
end

---Lists the sessions on record; the chosen one is opened again.
function M.sessions()
  actions.plain('sessions', {}, function(result)
    if #result.sessions == 0 then
      return say.notify('no sessions yet')
    end
    choose(result.sessions, 'Resume session', describe, function(session)
      M.resume(session.id)
    end)
  end)
end

---@param session? string
function M.transcript(session)
  local server = require('interline.server')
  local client = server.any_client()
  if not client then
    return say.notify('the server is not running')
  end
  answers.open(client, session, true)
end

---@param text string
---@return string[]
local function lines_of(text)
  local lines = vim.split(text, '\r?\n')
  if lines[#lines] == '' then
    table.remove(lines)
  end
  return lines
end

---@param file { uri: string, path: string, after: string }
local function diff_tab(file)
  local name = vim.fn.fnameescape(vim.uri_to_fname(file.uri))
  vim.cmd('tabedit ' .. name)
  local filetype = vim.bo.filetype
  vim.cmd('diffthis')
  vim.cmd('rightbelow vertical new')
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = 'nofile', 'wipe', false
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines_of(file.after))
  pcall(vim.api.nvim_buf_set_name, 0, 'interline://proposed/' .. file.path)
  vim.bo.filetype, vim.bo.modifiable = filetype, false
  vim.cmd('diffthis')
  vim.cmd('wincmd p')
end

---Shows the whole proposal for this file, or for all with `all`, as diffs in tab pages: `do` takes a change over.
---@param all boolean
function M.diff(all)
  local argument = all and {} or { uri = vim.uri_from_bufnr(0) }
  actions.plain('diff', argument, function(result)
    if #result.files == 0 then
      return say.notify('nothing to review here')
    end
    vim.iter(result.files):each(diff_tab)
  end)
end

---Shows the hunks in the quickfix list.
function M.quickfix()
  if require('interline.hunks').count() == 0 then
    return say.notify('nothing to review')
  end
  require('interline.hunks').to_quickfix()
  vim.cmd('botright copen')
end

return M
