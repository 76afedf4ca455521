-- Files that no buffer shows, held for as long as a question about them takes: loaded unlisted and unseen, and opened on the
-- servers that run for their folder. Must not start a server, fire the user's autocommands, ask about swap files or touch a
-- window, nor leave a buffer behind.

local M = {}

---Larger files are not loaded for a question.
local MAX_BYTES = 1024 * 1024

---@class interline.Held
---@field users integer questions that run
---@field added boolean there was no such buffer before
---@field taken boolean the user has opened it since
---@field options table<string, any> what to put back

---@type table<integer, interline.Held>
local held = {}

---@param work fun()
local function silently(work)
  local before = vim.o.eventignore
  vim.o.eventignore = 'all'
  local ok, err = pcall(work)
  vim.o.eventignore = before
  if not ok then
    vim.lsp.log.warn('interline: a closed file: ' .. tostring(err))
  end
end

---Is a client there for files of this kind in this place?
---@param client vim.lsp.Client
---@param path string
---@param filetype string
---@return boolean
local function serves(client, path, filetype)
  ---@diagnostic disable-next-line: undefined-field
  local filetypes = client.config.filetypes ---@type string[]?
  local root = client.root_dir
  return client.name ~= 'interline'
    and client.initialized == true
    and (filetypes == nil or vim.list_contains(filetypes, filetype))
    and (root ~= nil and vim.startswith(path, root .. '/'))
end

---@param bufnr integer
local function put_back(bufnr)
  for name, value in pairs(held[bufnr].options) do
    vim.bo[bufnr][name] = value
  end
end

---The user opens the file: they get it as any other, with all that loading it means.
---@param bufnr integer
local function taken(bufnr)
  local entry = held[bufnr]
  if not entry or entry.taken then
    return
  end
  entry.taken = true
  put_back(bufnr)
  require('interline.attach').forget(bufnr)
  vim.schedule(function()
    if vim.api.nvim_buf_is_valid(bufnr) and not vim.bo[bufnr].modified then
      vim.api.nvim_buf_call(bufnr, vim.cmd.edit)
    end
  end)
end

---@param bufnr integer
---@param path string
local function load(bufnr, path)
  local options = { swapfile = vim.bo[bufnr].swapfile, modeline = vim.bo[bufnr].modeline }
  held[bufnr].options = options
  vim.bo[bufnr].swapfile, vim.bo[bufnr].modeline = false, false
  silently(function()
    vim.fn.bufload(bufnr)
    vim.bo[bufnr].filetype = vim.filetype.match({ buf = bufnr, filename = path }) or ''
    require('interline.attach').times(bufnr)
    for _, client in ipairs(vim.lsp.get_clients()) do
      if serves(client, path, vim.bo[bufnr].filetype) then
        vim.lsp.buf_attach_client(bufnr, client.id)
      end
    end
  end)
  vim.api.nvim_create_autocmd('BufWinEnter', {
    buffer = bufnr,
    once = true,
    callback = function()
      taken(bufnr)
    end,
  })
end

---@param bufnr integer
local function release(bufnr)
  local entry = held[bufnr]
  entry.users = entry.users - 1
  if entry.users > 0 then
    return
  end
  if entry.taken or not vim.api.nvim_buf_is_valid(bufnr) then
    held[bufnr] = nil
    return
  end
  require('interline.attach').forget(bufnr)
  silently(function()
    if not entry.added then
      put_back(bufnr)
    end
    vim.api.nvim_buf_delete(bufnr, { force = true, unload = not entry.added })
  end)
  held[bufnr] = nil
end

---Loads a file where it isn't. What comes back lets it go again.
---@param uri string
---@return fun()
function M.hold(uri)
  local path = vim.startswith(uri, 'file:') and vim.uri_to_fname(uri) or ''
  local stat = path ~= '' and vim.uv.fs_stat(path)
  local nothing = function() end
  if not stat or stat.type ~= 'file' or stat.size > MAX_BYTES then
    return nothing
  end
  local added = vim.fn.bufexists(path) == 0
  local bufnr = vim.fn.bufadd(path)
  local entry = held[bufnr]
  if not entry then
    if vim.api.nvim_buf_is_loaded(bufnr) then
      return nothing
    end
    entry = { users = 0, added = added, taken = false, options = {} }
    held[bufnr] = entry
    load(bufnr, path)
  end
  entry.users = entry.users + 1
  local over = false
  return function()
    if not over then
      over = true
      release(bufnr)
    end
  end
end

return M
