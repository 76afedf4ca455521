-- A scripted stand-in for the server, inside the child: for what must be exact to the millisecond or never happens
-- with the real one. Loaded by `child:lua(fake)`; the other specs use the real binary.
return [[
  _G.sent = {}
  _G.reply = {}
  local function server(dispatchers)
    _G.server = dispatchers
    local id = 0
    return {
      request = function(method, params, callback)
        id = id + 1
        table.insert(_G.sent, { method = method, params = params })
        vim.schedule(function()
          if method == 'initialize' then
            callback(nil, { capabilities = {
              textDocumentSync = { openClose = true, change = 2 },
              executeCommandProvider = { commands = {} },
            } })
          elseif method == 'workspace/executeCommand' then
            local answer = _G.reply[params.command]
            callback(nil, type(answer) == 'function' and answer(params.arguments[1]) or answer or { session = 's', turn = 't' })
          else
            callback(nil, nil)
          end
        end)
        return true, id
      end,
      notify = function(method, params)
        table.insert(_G.sent, { method = method, params = params })
        return true
      end,
      is_closing = function() return false end,
      terminate = function() end,
    }
  end
  _G.reply['interline.hunks'] = { documents = {} }
  vim.lsp.config('interline', { cmd = server })
  vim.lsp.enable('interline')

  -- What the server was asked to do, without the questions about hunks.
  function _G.commands()
    return vim.iter(_G.sent):filter(function(m)
      return m.method == 'workspace/executeCommand' and m.params.command ~= 'interline.hunks'
    end):map(function(m) return m.params end):totable()
  end
  function _G.event(event)
    local client = vim.lsp.get_clients({ name = 'interline' })[1]
    client.handlers['interline/event'](nil, { session = 's', event = event }, { client_id = client.id, method = 'interline/event' })
  end
  function _G.hunks(list, version)
    local attach = require('interline.attach')
    _G.event({ type = 'hunksChanged', documents = { {
      uri = vim.uri_from_bufnr(0), version = version or attach.version(vim.api.nvim_get_current_buf()), hunks = list,
    } } })
  end
  -- A request of the server's, answered later into `_G.answers`.
  _G.answers = {}
  function _G.ask(method, params)
    local client = vim.lsp.get_clients({ name = 'interline' })[1]
    coroutine.wrap(function()
      local result = client.handlers[method](nil, params, { client_id = client.id, method = method })
      table.insert(_G.answers, result == nil and 'nothing' or result)
    end)()
  end
]]
