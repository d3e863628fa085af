-- Asks the broker's management API whether it knows who sent the request. Goes to /etc/haproxy/broker-auth.lua; needs HAProxy 2.5 or later.
local WHOAMI = "http://127.0.0.1:15672/api/whoami"

core.register_action("broker_auth", { "http-req" }, function(txn)
    local sent = txn.http:req_get_headers()["authorization"]
    local known = false
    if sent and sent[0] then
        local answer = core.httpclient():get{ url = WHOAMI, headers = { authorization = { sent[0] } }, timeout = 5000 }
        known = answer ~= nil and answer.status == 200
    end
    txn:set_var("txn.broker_auth", known)
end, 0)
