-- The settings of the plugin: `vim.g.interline` (a table, or a function that returns one) over the defaults, and what
-- `setup()` was given over both. Must not start anything: reading settings has no effect.

---@class interline.Config
---@field cmd? string[] The whole command that starts the server; nil: found on PATH or in the checkout of this plugin
---@field filetypes? string[] File types that the server attaches to; nil: all
---@field root_markers string[] What marks the folder of a project
---@field settings table<string, any> Settings of the server, as in its config.toml without the `interline.` prefix
---@field hunks interline.Config.Hunks
---@field answers interline.Config.Answers
---@field permission interline.Config.Permission
---@field progress interline.Config.Progress

---@class interline.Config.Hunks
---@field signs boolean Show a sign beside each hunk
---@field hint boolean Show at the end of the line which hunk it is
---@field verdict boolean Show below each hunk what is known of it
---@field quickfix boolean Put the hunks into the quickfix list when a turn ends

---@class interline.Config.Answers
---@field open boolean Open a window with the transcript when a question was asked
---@field split string The Ex command that opens that window; the focus stays where it is

---@class interline.Config.Permission
---@field arming_ms integer A prompt takes no approval in its first milliseconds

---@class interline.Config.Progress
---@field echo boolean Show what the agent does in the message line

local M = {}

---@type interline.Config
local defaults = {
  cmd = nil,
  filetypes = nil,
  root_markers = { '.interline', '.git', '.jj', '.hg', 'Cargo.toml', 'package.json', 'pyproject.toml', 'go.mod' },
  settings = {},
  hunks = { signs = true, hint = true, verdict = true, quickfix = true },
  answers = { open = true, split = 'botright 15split' },
  permission = { arming_ms = 400 },
  progress = { echo = true },
}

local function strings(value)
  return vim.islist(value) and vim.iter(value):all(function(item)
    return type(item) == 'string'
  end)
end

local function is(name)
  return function(value)
    return type(value) == name
  end
end

---Every setting with its check and what is expected. A table without a check is a group.
---@type table<string, { [1]: (fun(value: any): boolean), [2]: string }>
local checks = {
  ['cmd'] = { strings, 'a list of strings' },
  ['filetypes'] = { strings, 'a list of strings' },
  ['root_markers'] = { strings, 'a list of strings' },
  ['settings'] = { is('table'), 'a table' },
  ['hunks.signs'] = { is('boolean'), 'true or false' },
  ['hunks.hint'] = { is('boolean'), 'true or false' },
  ['hunks.verdict'] = { is('boolean'), 'true or false' },
  ['hunks.quickfix'] = { is('boolean'), 'true or false' },
  ['answers.open'] = { is('boolean'), 'true or false' },
  ['answers.split'] = { is('string'), 'an Ex command' },
  ['permission.arming_ms'] = {
    function(value)
      return type(value) == 'number' and value >= 100
    end,
    'a number of at least 100',
  },
  ['progress.echo'] = { is('boolean'), 'true or false' },
}

---@param given table
---@param prefix string
---@param problems string[]
local function check(given, prefix, problems)
  for key, value in vim.spairs(given) do
    local path = prefix .. tostring(key)
    local rule = checks[path]
    if rule then
      if not rule[1](value) then
        problems[#problems + 1] = ('`%s` must be %s, got %s'):format(path, rule[2], vim.inspect(value))
      end
    elseif prefix == '' and type(defaults[key]) == 'table' then
      if type(value) == 'table' then
        check(value, path .. '.', problems)
      else
        problems[#problems + 1] = ('`%s` must be a table, got %s'):format(path, vim.inspect(value))
      end
    else
      problems[#problems + 1] = ('`%s` is not a setting, see :help interline-config'):format(path)
    end
  end
end

---What is wrong with `given`, each with the path of the setting.
---@param given any
---@return string[]
function M.problems(given)
  if type(given) ~= 'table' then
    return { 'the settings must be a table or a function that returns one, got ' .. type(given) }
  end
  local problems = {}
  check(given, '', problems)
  return problems
end

---@type table
local from_setup = {}

---What `vim.g.interline` says.
---@return any
function M.global()
  local given = vim.g.interline
  if type(given) == 'function' then
    given = given()
  end
  return given == nil and {} or given
end

---@type { given: any, config: interline.Config }?
local cached

---The settings in force. Wrong ones are reported once and left out as a whole.
---@return interline.Config
function M.get()
  local given = M.global()
  if cached and vim.deep_equal(cached.given, given) then
    return cached.config
  end
  local problems = M.problems(given)
  local usable = given
  if #problems > 0 then
    vim.notify('interline: vim.g.interline is not used: ' .. table.concat(problems, '; '), vim.log.levels.ERROR)
    usable = {}
  end
  cached = { given = vim.deepcopy(given), config = vim.tbl_deep_extend('force', defaults, usable, from_setup) }
  return cached.config
end

---Overrides `vim.g.interline`; nobody has to call it. A wrong setting is an error that names its path.
---@param opts? table
function M.setup(opts)
  local problems = M.problems(opts or {})
  if #problems > 0 then
    error('interline: ' .. table.concat(problems, '; '), 0)
  end
  from_setup = vim.deepcopy(opts or {})
  cached = nil
end

---The off-switches: `vim.g.interline_NAME` or `vim.b.interline_NAME` set to false.
---@param name 'enabled'|'hunks'|'progress'|'focus'|'diagnostics'
---@param bufnr? integer
---@return boolean
function M.is_on(name, bufnr)
  local key = 'interline_' .. name
  if vim.g[key] == false then
    return false
  end
  return not (bufnr and vim.api.nvim_buf_is_valid(bufnr) and vim.b[bufnr][key] == false)
end

return M
