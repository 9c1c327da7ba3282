-- The codes of what a partition stores.

-- A row of STOCK: the counts of a SKU. OWED: units that setTotal has not found yet; below zero the
-- units that this partition still passes on to partition 0, see debts.lua. SHARED: the indices of
-- the limits that the SKU shares with others, packed; '' for none. OWN: the rules of the SKU alone,
-- packed: opensAt, closesAt (-1 for none), 1 if it is sold without a pass, the units that a
-- household may have and the highest such limit that was ever in force (-1 for none); '' for none.
-- RETURNS_TO: the SKU whose units those become that come back; -1 for none.
local AVAILABLE, HELD, CONFIRMED, TOTAL, IN_TRANSIT, LIMIT, OWED, SHARED, OWN, RETURNS_TO = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10

-- A record is ten msgpack values, and a bucket is its records one after another: a new
-- reservation can be appended without decoding the others.
local STATE, PAYMENT, CREATED, HOLD, NONCE, BUYER, KEY, ITEMS, FIRST, HOUSEHOLD = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
local RECORD = 10
--   STATE    a code below                                   PAYMENT  payment id or ''
--   CREATED  ms since the sale's epoch                      BUYER    as given
--   HOLD     ms until expiry, 0 for the sale's first holdMs  KEY      as given or ''
--   NONCE    6 bytes, unique in its bucket                  ITEMS    sku, quantity, ... packed
--            KEY of a record that was made by a transfer: byte 255, with which no text begins, the
--            first id of the reservation, how often it was transferred, ':', and when, epoch ms
--   FIRST    '' while the cart is that of the request; then packed: how often it was changed, and
--            a string, '' until a part of the order was refunded, then how often it had been
--            changed before, and the ITEMS it was of; then the ITEMS of the request
--   HOUSEHOLD  as given or ''
local IS_HELD, IS_CONFIRMED, IS_RELEASED, IS_EXPIRED, IS_REFUNDED = 0, 1, 2, 3, 4
local IS_CONFIRMED_LATE = 5
-- "Refund due" was answered: for an expired hold for lack of stock, by the limit, after the end of
-- the sale; for a released one.
local DUE_SOLD_OUT, DUE_LIMIT, DUE_ENDED, DUE_RELEASED = 6, 7, 8, 9
-- No state, but the reason of a further payment: the reservation has another one.
local DUPLICATE = 10
-- The reservation was transferred, see transferred_records.lua. On its way it still counts for its
-- buyer.
local IS_DEPARTED = 11
local IS_TRANSFERRED = 12

-- The types of events, each with its argument and its subject. References are all buckets, then all
-- nonces, 6 bytes each. NONE replaces a missing argument or subject; it is not read. An event of a
-- reservation whose cart was changed has a string in place of the argument: the argument and how
-- often the cart was changed, packed, followed by the ITEMS as of the event.
local NONE = 0
-- hold in ms, NONE, NONE, NONE; references
local RESERVED, CONFIRMED_EVENT, RELEASED_EVENT, EXPIRED_EVENT = 1, 2, 3, 4
-- restock 0 or 1, expiry in epoch ms, reason; references
local REFUNDED_EVENT, EXTENDED, REFUND_DUE = 5, 6, 7
-- NONE; SKU. Applied, NONE, ...; SKU, quantity and key packed, NONE, ...
local SOLD_OUT = 9
local RESTOCKED, PAUSED, RESUMED, ENDED = 8, 10, 11, 12
-- units; SKU * 2048 + the other partition
local SENT = 13
local RECEIVED = 14
-- ITEMS before the change; references
local AMENDED = 15
-- NONE; bucket and nonce, the id that it left for, packed
local DEPARTED = 40
-- expiry in epoch ms; bucket and nonce, state, the id that it had, the buyer, packed. With '' for
-- both it has returned.
local TRANSFERRED = 41
-- NONE; references
local SETTLED = 42
-- NONE; buyer and household, packed
local BOUND = 50
-- revision; JSON of what changed
local UPDATED = 20
-- reason; bucket and nonce, payment id and state packed
local REFUND_DUE_FURTHER = 17
-- restock 0 or 1, and IS_LAST more for a part that leaves nothing; bucket and nonce, key, and the
-- ITEMS of the part packed, '' for the whole cart
local REFUNDED_BY_KEY = 16
local IS_LAST = 2
-- state; references
local PAID = 24
-- applied; packed: SKU, total, key, time of the count, change, units owed; or SKU, other SKU,
-- quantity, key
local TOTAL_SET, MOVED = 21, 22
-- units, or the change; SKU
local DEBT_TAKEN = 23
-- units; SKU * 16384 + the SKU that they became units of
local REDIRECTED = 25
local WITHHELD, COUNTED = 30, 31

-- From TABLE_FROM buckets on, BUCKETS is a table. Up to 512 fields (hash-max-listpack-entries)
-- Redis would keep it as a list and search it from its beginning for each item of a batch: with
-- hundreds of both, that is most of the cost of a reservation.
-- https://redis.io/docs/latest/operate/oss_and_stack/management/optimization/memory-optimization/
local TABLE_FROM = 64 -- tuning
