-- What confirm, release, extend and refund share: each item names its reservation by bucket and nonce.
-- Columns: token, deadline, floor, references, then the command's own
local references = call[4]

-- Answers each item by `decide(record, bucket, i, in_archive)`, which returns a status; the detail is the record.
-- `M`: not found, no detail. `T`: retry, no detail. `W`: lacking, the details are the SKU, returned too, and what is available of it.
local function settle(decide)
  local statuses, details, buckets = {}, {}, {}
  for i, reference in ipairs(references) do buckets[i] = reference:sub(1, 6) end
  load_buckets(buckets)
  for i, reference in ipairs(references) do
    local bucket, status = buckets[i], 'M'
    lapse_bucket(bucket)
    local record, in_archive = find(bucket, reference:sub(7))
    if record then
      local sku
      status, sku = decide(record, bucket, i, in_archive)
      if status == 'W' then
        details[#details + 1] = sku
        details[#details + 1] = counts(sku)[AVAILABLE]
      elseif status ~= 'M' and status ~= 'T' then
        details[#details + 1] = encode(record)
      end
    end
    statuses[i] = status
  end
  return finish(table.concat(statuses), details)
end

-- Writes a decided change of a reservation: its new state, its event, and where its units go.
local function change(record, bucket, in_archive, state, event, argument, from, to)
  set_state(record, state)
  keep(bucket, record, in_archive)
  if from or to then move_cart(lines_of(record[ITEMS]), from, to) end
  emit_many(event, argument, bucket, record[NONCE])
end
