-- Tells wrk to post payments of many users in turn, and to print what its client saw in a form to be read.
local requests = {}
local next_request = 0

init = function()
  wrk.headers["Content-Type"] = "application/json"
  for user = 1, 1024 do
    local body = string.format('{"userId":"u%03d","amount":49.99,"method":"paypal"}', user)
    requests[user] = wrk.format("POST", nil, nil, body)
  end
end

request = function()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "wrk requests=%d microseconds=%d broken=%d refused=%d\n",
    summary.requests,
    summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout,
    errors.status
  ))
end
