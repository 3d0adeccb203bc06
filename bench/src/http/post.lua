-- Tells wrk to post one payment again and again, and to print what its client saw in a form to be read.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"userId":"u001","amount":49.99,"method":"paypal"}'

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
