-- Answers `interline/query`: one function for each kind, over the asking and merging of query.lua.
-- Must not apply anything: edits go back to the server, which makes them proposals.

local closed = require('interline.closed')
local positions = require('interline.positions')
local query = require('interline.query')
local settle = require('interline.settle')
local buffer = require('interline.buffer')

local M = {}

---@alias interline.Answer fun(items: any[], answers: interline.Answers, complete: boolean)
---@alias interline.ClientsFor fun(uri: string, method: string): vim.lsp.Client[], integer?

---@param answers interline.Answers
---@return string
local function names(answers)
  local seen = {}
  for _, answer in ipairs(answers) do
    seen[answer.client.name] = true
  end
  local list = vim.tbl_keys(seen)
  table.sort(list)
  return table.concat(list, ',')
end

---Each of the items once: servers that know the same tell the same.
---@param items any[]
---@param key? fun(item: any): any
---@return any[]
local function once(items, key)
  local seen, result = {}, {}
  for _, item in ipairs(items) do
    local text = vim.inspect(key and key(item) or item)
    if not seen[text] then
      seen[text] = true
      result[#result + 1] = item
    end
  end
  return result
end

---Is a place in the folder of the server that asks? What has no place is everywhere.
---@param path string?
---@param root string?
---@return boolean
local function is_in(path, root)
  return root == nil or path == nil or path == root or vim.startswith(path, root .. '/')
end

---Clients for a document: those of its buffer, or of its folder where it could not be loaded.
---@param uri string
---@param method string
---@return vim.lsp.Client[] clients
---@return integer? bufnr
local function clients_for(uri, method)
  local bufnr = buffer.of(uri)
  if bufnr then
    return query.others(bufnr, method), bufnr
  end
  local path = vim.uri_to_fname(uri)
  local clients = vim.iter(query.others(nil, method)):filter(function(client)
    return client.root_dir ~= nil and vim.startswith(path, client.root_dir .. '/')
  end)
  return clients:totable(), nil
end

---Asks about one position of a document.
---@param params interline.QueryParams
---@param method string
---@param more table
---@param done interline.Answer
---@param convert fun(client: vim.lsp.Client, result: any): any[]
local function at_position(params, method, more, done, convert)
  local clients, bufnr = clients_for(params.uri, method)
  local function parameters(client)
    return vim.tbl_extend('force', {
      textDocument = { uri = params.uri },
      position = positions.to_client(client, params.uri, params.position),
    }, more)
  end
  query.ask(clients, method, parameters, bufnr, params.timeoutMs, function(answers, complete)
    local items = {}
    for _, answer in ipairs(answers) do
      vim.list_extend(items, convert(answer.client, answer.result))
    end
    done(once(items), answers, complete)
  end)
end

---@param client vim.lsp.Client
---@param result lsp.Location|lsp.Location[]|lsp.LocationLink[]
local function locations(client, result)
  local list = vim.islist(result) and result or { result }
  return vim
    .iter(list)
    :map(function(location)
      return positions.location(client, location)
    end)
    :totable()
end

---@param client vim.lsp.Client
---@param uri string
---@param symbols (lsp.DocumentSymbol|lsp.SymbolInformation)[]
---@param container? string
---@param into table[]
local function flatten(client, uri, symbols, container, into)
  for _, symbol in ipairs(symbols) do
    if symbol.location then
      local moved = symbol.location.range and positions.location(client, symbol.location) or symbol.location
      into[#into + 1] = vim.tbl_extend('force', symbol, { location = moved, containerName = symbol.containerName })
    else
      into[#into + 1] = {
        name = symbol.name,
        kind = symbol.kind,
        tags = symbol.tags,
        containerName = container,
        location = { uri = uri, range = positions.from_client(client, uri, symbol.selectionRange) },
      }
      flatten(client, uri, symbol.children or {}, symbol.name, into)
    end
  end
  return into
end

---@type table<string, fun(params: interline.QueryParams, done: interline.Answer, root: string?)>
local kinds = {}

function kinds.definition(params, done)
  at_position(params, 'textDocument/definition', {}, done, locations)
end

function kinds.references(params, done)
  at_position(params, 'textDocument/references', { context = { includeDeclaration = true } }, done, locations)
end

function kinds.hover(params, done)
  at_position(params, 'textDocument/hover', {}, function(items, answers, complete)
    done(#items > 0 and { table.concat(items, '\n\n') } or {}, answers, complete)
  end, function(_, result)
    local lines = vim.lsp.util.convert_input_to_markdown_lines(result.contents)
    return #lines > 0 and { table.concat(lines, '\n') } or {}
  end)
end

function kinds.rename(params, done)
  at_position(params, 'textDocument/rename', { newName = params.newName }, function(items, answers, complete)
    -- Two renames of one symbol would overlap: the first server's counts.
    done({ items[1] }, { answers[1], failed = answers.failed }, complete)
  end, function(client, result)
    return { positions.workspace_edit(client, result) }
  end)
end

function kinds.symbols(params, done, root)
  local method, parameters, clients, bufnr
  if params.uri then
    method, parameters = 'textDocument/documentSymbol', { textDocument = { uri = params.uri } }
    clients, bufnr = clients_for(params.uri, method)
  else
    method, parameters = 'workspace/symbol', { query = params.query or '' }
    clients = vim
      .iter(query.others(nil, method))
      :filter(function(client)
        return is_in(client.root_dir, root) or is_in(root, client.root_dir)
      end)
      :totable()
  end
  query.ask(clients, method, parameters, bufnr, params.timeoutMs, function(answers, complete)
    local items = {}
    for _, answer in ipairs(answers) do
      flatten(answer.client, params.uri, answer.result, nil, items)
    end
    local function key(symbol)
      return { symbol.name, symbol.location.uri, vim.tbl_get(symbol.location, 'range', 'start') }
    end
    done(once(items, key), answers, complete)
  end)
end

---@param bufnr integer
---@param into table[]
---@param sources table<string, true>
local function collect(bufnr, into, sources)
  local diagnostics = query.diagnostics(bufnr)
  if #diagnostics > 0 then
    into[#into + 1] = { uri = vim.uri_from_bufnr(bufnr), diagnostics = diagnostics }
  end
  -- Who has nothing to say has answered too.
  for _, name in ipairs(vim.api.nvim_buf_is_loaded(bufnr) and query.reporters(bufnr) or {}) do
    sources[name] = true
  end
end

function kinds.diagnostics(params, done, root)
  if not params.uri then
    local function is_asked(bufnr)
      return is_in(vim.api.nvim_buf_get_name(bufnr), root)
    end
    return settle.wait_all(params.timeoutMs, is_asked, function(settled)
      local items, sources = {}, {}
      for _, bufnr in ipairs(vim.tbl_filter(is_asked, vim.api.nvim_list_bufs())) do
        collect(bufnr, items, sources)
      end
      done(items, query.namesakes(vim.tbl_keys(sources)), settled)
    end)
  end
  local bufnr = buffer.of(params.uri)
  if not bufnr then
    return done({}, query.namesakes({}), false)
  end
  settle.wait(bufnr, params.timeoutMs, function(settled)
    local diagnostics = vim.api.nvim_buf_is_loaded(bufnr) and query.diagnostics(bufnr) or {}
    done({ { uri = params.uri, diagnostics = diagnostics } }, query.namesakes(query.reporters(bufnr)), settled)
  end)
end

function kinds.quickFixes(params, done)
  require('interline.quickfixes').of_line(params, clients_for, function(items, answers, complete)
    done(once(items), answers, complete)
  end)
end

---@param params interline.QueryParams
---@param client_id integer the server that asks
---@param reply fun(result: interline.QueryResult?, why: string?) without a result: why there is none
function M.query(params, client_id, reply)
  local kind = kinds[params.kind]
  if not kind then
    return reply(nil, ('this plugin does not know the query `%s`'):format(params.kind))
  end
  local asker = vim.lsp.get_client_by_id(client_id)
  local release = params.uri and closed.hold(params.uri) or function() end
  local function finish(items, answers, settled)
    local bufnr = params.uri and buffer.of(params.uri)
    local version = bufnr and require('interline.attach').version(bufnr) or nil
    release()
    if #answers == 0 and #answers.failed > 0 then
      return reply(nil, table.concat(answers.failed, '; '))
    end
    reply({ items = items, source = names(answers), docVersion = version, settled = settled })
  end
  local ok, err = pcall(kind, params, finish, asker and asker.root_dir)
  if not ok then
    release()
    error(err, 0)
  end
end

return M
