-- What confirm, release, extend and refund share: each item names its reservation by bucket and
-- nonce.
-- Columns: incarnation, deadline, min_time, references, then the command's own; in a recovery there
--   may be a last one, `expiries`: when a hold expires, or 0. A hold that ends gets this time.
-- @include partition, stored_values, stock_moves, records, expiry, transferred_records, commit

-- Answers each item by `decide(record, bucket, i, in_archive)`, which returns a status, and its
-- details if these are others than the record. `M`: not found, no detail. `T`: retry, no detail.
-- `V`: a reservation that was transferred, see transferred_records.lua; unless it is to be decided
-- too.
-- `make(bucket, nonce, i)` may make a record that is missing, or return the status.
local function answer_each(decide, moved_too, make)
  local references, statuses, details, buckets = call[4], {}, {}, {}
  for i, reference in ipairs(references) do buckets[i] = reference:sub(1, 6) end
  load_buckets(buckets)
  local function decided(i, reference)
    if lines_moved + lines_read >= LINES_AT_ONCE then return 'T' end
    local bucket = buckets[i]
    local record, in_archive = find_now(bucket, reference:sub(7))
    local missing = 'M'
    if not record and make then record, missing = make(bucket, reference:sub(7), i) end
    if not record then return missing end
    local answer = record[STATE] >= IS_DEPARTED and not moved_too and moved or decide
    local status, others = answer(record, bucket, i, in_archive)
    if others then
      for _, value in ipairs(others) do details[#details + 1] = value end
    elseif status ~= 'M' and status ~= 'T' then
      details[#details + 1] = encode(record)
    end
    return status
  end
  for i, reference in ipairs(references) do statuses[i] = decided(i, reference) end
  return finish(table.concat(statuses), details)
end
