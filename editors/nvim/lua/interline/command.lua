-- `:Interline SUBCOMMAND …`: takes the words apart, completes them, calls the action. Must not hold logic of its own.

local actions = require('interline.actions')
local menus = require('interline.menus')
local server = require('interline.server')
local say = require('interline.say')

local M = {}

---@class interline.Subcommand
---@field run fun(where: interline.Where, rest: string?)
---@field complete? fun(): string[]

---@type table<string, interline.Subcommand>
local subcommands = {
  fix = { run = actions.fix },
  edit = { run = actions.edit },
  ask = { run = actions.ask },
  explain = { run = actions.explain },
  accept = { run = actions.accept },
  reject = { run = actions.reject },
  revise = { run = actions.revise },
  trust = { run = actions.trust },
}

---@param name string
---@param run fun(rest: string?)
---@param complete? fun(): string[]
local function add(name, run, complete)
  subcommands[name] = {
    run = function(_, rest)
      run(rest)
    end,
    complete = complete,
  }
end

add('accept-all', function()
  actions.everywhere('accept')
end)
add('reject-all', function()
  actions.everywhere('reject')
end)
add('cancel', function()
  actions.everywhere('cancel')
end)
add('undo', function()
  actions.plain('undo', {})
end)
add('compact', function()
  actions.plain('compact', {})
end)
add('next', function()
  actions.jump(1)
end)
add('prev', function()
  actions.jump(-1)
end)
add('mode', menus.mode, function()
  return menus.modes
end)
add('model', menus.model)
add('sessions', menus.sessions)
add('resume', menus.resume)
add('transcript', menus.transcript)
add('quickfix', menus.quickfix)
add('diff', function(rest)
  menus.diff(rest == 'all')
end, function()
  return { 'all' }
end)
add('restart', function()
  vim.lsp.enable('interline', false)
  vim.defer_fn(function()
    vim.lsp.enable('interline')
  end, 300)
end)

---@return string[]
function M.names()
  local names = vim.tbl_keys(subcommands)
  table.sort(names)
  return names
end

---@param name string
---@param rest? string
---@param first? integer 1-based, where a range was given
---@param last? integer
function M.call(name, rest, first, last)
  local subcommand = subcommands[name]
  if not subcommand then
    return say.notify(
      ('`%s` is no subcommand; there are: %s'):format(name, table.concat(M.names(), ', ')),
      vim.log.levels.ERROR
    )
  end
  subcommand.run(actions.here(first, last), rest ~= '' and rest or nil)
end

---@param opts vim.api.keyset.create_user_command.command_args
function M.run(opts)
  local name, rest = opts.args:match('^(%S+)%s*(.-)%s*$')
  local ranged = opts.range > 0
  M.call(name or '', rest, ranged and opts.line1 or nil, ranged and opts.line2 or nil)
end

-- The command line stands still meanwhile.
local COMPLETED_WITHIN = 300

---What a word that begins with `@` can become; nothing where the server doesn't answer in time.
---@param lead string
---@return string[]
function M.mentions(lead)
  -- `vim.ui.input` hands over all that was typed.
  local before, begun = lead:match('^(.-)@("[^"]*)$')
  if not begun then
    before, begun = lead:match('^(.-)@([^%s@]*)$')
  end
  local client = begun and server.any_client()
  if not client or not client.initialized then
    return {}
  end
  local params = { command = 'interline.complete', arguments = { { begun = begun } } }
  local answer = client:request_sync('workspace/executeCommand', params, COMPLETED_WITHIN)
  local items = answer and answer.result and answer.result.items or {}
  return vim
    .iter(items)
    :map(function(item)
      return before .. '@' .. item.text
    end)
    :totable()
end

---@param lead string
---@param line string
---@return string[]
function M.complete(lead, line)
  if vim.startswith(lead, '@') then
    return M.mentions(lead)
  end
  local words = line:gsub('^.-Interline!?%s*', '')
  local name = words:match('^(%S+)%s')
  local candidates
  if not name then
    candidates = M.names()
  else
    local subcommand = subcommands[name]
    local first_word = not words:match('^%S+%s+%S+%s')
    candidates = subcommand and subcommand.complete and first_word and subcommand.complete() or {}
  end
  return vim
    .iter(candidates)
    :filter(function(candidate)
      return vim.startswith(candidate, lead)
    end)
    :totable()
end

return M
