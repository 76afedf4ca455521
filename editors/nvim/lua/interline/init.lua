-- What users call from Lua. Loading it loads nothing else; every function loads what it needs.

local M = {}

---Overrides `vim.g.interline`. Not needed: without it the plugin works by its defaults.
---@param opts? table see :help interline-config
function M.setup(opts)
  require('interline.config').setup(opts)
end

---Text for a statusline, empty where there is nothing to say.
---@return string
function M.status()
  return package.loaded['interline.hunks'] and require('interline.status').line() or ''
end

---How many hunks wait for review, in one buffer or in all.
---@param bufnr? integer
---@return integer
function M.count(bufnr)
  return package.loaded['interline.hunks'] and require('interline.hunks').count(bufnr) or 0
end

---Does what `:Interline NAME TEXT` does, for mappings: `require('interline').run('fix')`.
---@param name string
---@param text? string
---@param first? integer first line of a range, 1-based
---@param last? integer
function M.run(name, text, first, last)
  require('interline.command').call(name, text, first, last)
end

return M
