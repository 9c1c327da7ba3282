-- The types of events, and what a group's argument and subject are; references are all buckets, then all nonces, 6 bytes each. NONE stands where
-- an event has no argument or no subject; it is not read.
local NONE = 0
local RESERVED, CONFIRMED_EVENT, RELEASED_EVENT, EXPIRED_EVENT = 1, 2, 3, 4 -- hold in ms, NONE, NONE, NONE; references
local REFUNDED_EVENT, EXTENDED, REFUND_DUE = 5, 6, 7 -- restock 0 or 1, expiry in epoch ms, reason; references
local RESTOCKED, SOLD_OUT, PAUSED, RESUMED, ENDED = 8, 9, 10, 11, 12 -- applied, NONE, ...; SKU, quantity and key packed, SKU, NONE, ...
local SENT, RECEIVED = 13, 14 -- units; SKU * 1024 + the other partition
