/**
 * The migration that makes the tables and views of orders on their way. Once published it never
 * changes.
 *
 * @param schema Its name, quoted.
 */
export const orderTables = (schema: string) => `
    CREATE TABLE ${schema}.orders (
      sale text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      paid_at timestamptz NOT NULL,
      shipped jsonb NOT NULL,
      delivered jsonb NOT NULL,
      shipped_at timestamptz NOT NULL,
      delivered_at timestamptz,
      due boolean NOT NULL DEFAULT false,
      paid_out jsonb,
      PRIMARY KEY (sale, id)
    ) WITH (fillfactor = 80);
    CREATE INDEX orders_to_pay_out ON ${schema}.orders (delivered_at) WHERE due AND paid_out IS NULL;
    CREATE INDEX orders_to_deduct ON ${schema}.orders (sale, id) WHERE due AND paid_out IS NOT NULL;
    COMMENT ON TABLE ${schema}.orders IS 'The orders that have a shipment, and how far each is on its way.';
    COMMENT ON COLUMN ${schema}.orders.id IS 'Of the reservation.';
    COMMENT ON COLUMN ${schema}.orders.paid_at IS 'When the payment was confirmed, by the clock of Redis.';
    COMMENT ON COLUMN ${schema}.orders.shipped IS 'Units by SKU in all shipments: {"mango-me": 2}';
    COMMENT ON COLUMN ${schema}.orders.delivered IS 'Units by SKU that the buyer has received.';
    COMMENT ON COLUMN ${schema}.orders.shipped_at IS 'When the latest shipment left, by the clock of PostgreSQL.';
    COMMENT ON COLUMN ${schema}.orders.delivered_at IS 'When the buyer received the latest one.';
    COMMENT ON COLUMN ${schema}.orders.due IS 'The order was delivered, or has changed since: the next payouts look at it.';
    COMMENT ON COLUMN ${schema}.orders.paid_out IS 'Units by SKU whose money went to the seller, less those that were deducted; null before the payout.';

    CREATE TABLE ${schema}.shipments (
      sale text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      reference text COLLATE "C" NOT NULL,
      carrier text COLLATE "C" NOT NULL,
      items jsonb NOT NULL,
      asked jsonb,
      shipped_at timestamptz NOT NULL,
      delivered_at timestamptz,
      PRIMARY KEY (sale, id, reference)
    ) WITH (fillfactor = 80);
    CREATE INDEX shipments_of_reference ON ${schema}.shipments (reference);
    COMMENT ON TABLE ${schema}.shipments IS 'The shipments of each order.';
    COMMENT ON COLUMN ${schema}.shipments.id IS 'Of the reservation.';
    COMMENT ON COLUMN ${schema}.shipments.reference IS 'The carrier''s number of the parcel, or any other name; unique in its order.';
    COMMENT ON COLUMN ${schema}.shipments.items IS 'Units by SKU: {"mango-me": 2}';
    COMMENT ON COLUMN ${schema}.shipments.asked IS 'Units by SKU that the call named; null if it named none, and took all that was open.';
    COMMENT ON COLUMN ${schema}.shipments.shipped_at IS 'When it was recorded, by the clock of PostgreSQL.';
    COMMENT ON COLUMN ${schema}.shipments.delivered_at IS 'When the buyer received it.';

    CREATE TABLE ${schema}.refunds (
      sale text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      key text COLLATE "C" NOT NULL,
      items jsonb,
      refunded_at timestamptz NOT NULL,
      PRIMARY KEY (sale, id, key)
    );
    COMMENT ON TABLE ${schema}.refunds IS 'Refunds that the ledger recorded by itself, after the sale was removed from Redis. Earlier ones are events.';
    COMMENT ON COLUMN ${schema}.refunds.id IS 'Of the reservation.';
    COMMENT ON COLUMN ${schema}.refunds.key IS 'Of the call; empty if it had none.';
    COMMENT ON COLUMN ${schema}.refunds.items IS 'Units by SKU; null: the whole order, as far as it was not refunded before.';

    CREATE TABLE ${schema}.payouts (
      key text COLLATE "C" PRIMARY KEY,
      delivered_for bigint NOT NULL,
      max_orders int NOT NULL,
      made_at timestamptz NOT NULL DEFAULT now(),
      more boolean NOT NULL DEFAULT false
    );
    COMMENT ON TABLE ${schema}.payouts IS 'Batches of orders whose money may go to the seller. They never change.';
    COMMENT ON COLUMN ${schema}.payouts.delivered_for IS 'For how long the buyer must have had the order, in ms.';
    COMMENT ON COLUMN ${schema}.payouts.max_orders IS 'The most orders of the batch.';
    COMMENT ON COLUMN ${schema}.payouts.more IS 'More orders were due than the batch has.';

    CREATE TABLE ${schema}.payout_orders (
      payout text COLLATE "C" NOT NULL REFERENCES ${schema}.payouts (key),
      number int NOT NULL,
      type text COLLATE "C" NOT NULL,
      sale text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      items jsonb NOT NULL,
      PRIMARY KEY (payout, number)
    );
    CREATE UNIQUE INDEX payout_orders_once ON ${schema}.payout_orders (sale, id) WHERE type = 'order';
    COMMENT ON TABLE ${schema}.payout_orders IS 'The orders of each batch, and the refunds to be deducted.';
    COMMENT ON COLUMN ${schema}.payout_orders.payout IS 'The key of the batch.';
    COMMENT ON COLUMN ${schema}.payout_orders.type IS 'order: to be paid for; refunded: units of an earlier batch that were refunded since, to be deducted';
    COMMENT ON COLUMN ${schema}.payout_orders.items IS 'Units by SKU: {"mango-me": 2}';

    CREATE FUNCTION ${schema}.order_changed() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
      EXECUTE format('UPDATE %I.orders SET due = true WHERE sale = $1 AND id = $2 AND delivered_at IS NOT NULL', TG_TABLE_SCHEMA)
        USING NEW.sale, NEW.id;
      RETURN NULL;
    END
    $body$;
    CREATE TRIGGER order_changed AFTER UPDATE ON ${schema}.reservations FOR EACH ROW
      WHEN (OLD.state IN ('confirmed', 'refunded', 'forgotten') AND (NEW.state <> OLD.state OR NEW.items <> OLD.items))
      EXECUTE FUNCTION ${schema}.order_changed();
    COMMENT ON FUNCTION ${schema}.order_changed() IS 'Whatever refunds an order that was delivered: the next payouts look at it again.';

    CREATE VIEW ${schema}.open_orders AS
      SELECT r.sale, r.id, r.buyer,
        CASE WHEN EXISTS (
          SELECT FROM jsonb_each_text(r.items) i WHERE i.value::bigint > coalesce((o.shipped ->> i.key)::bigint, 0)
        ) THEN 'ship' ELSE 'deliver' END AS next_step,
        coalesce(o.paid_at, (
          SELECT min(e.at) FILTER (WHERE e.sale = r.sale AND e.type = 'confirmed') FROM ${schema}.events e WHERE e.reservation = r.id
        ), r.changed_at) AS paid_at,
        r.items, coalesce(o.shipped, '{}') AS shipped, coalesce(o.delivered, '{}') AS delivered, o.shipped_at
      FROM ${schema}.reservations r LEFT JOIN ${schema}.orders o ON o.sale = r.sale AND o.id = r.id
      WHERE r.state = 'confirmed' AND EXISTS (
        SELECT FROM jsonb_each_text(r.items) i WHERE i.value::bigint > coalesce((o.delivered ->> i.key)::bigint, 0)
      );
    COMMENT ON VIEW ${schema}.open_orders IS 'Orders that are paid for, not refunded, and not received in full.';
    COMMENT ON COLUMN ${schema}.open_orders.next_step IS 'ship: units of it have not been shipped; deliver: all are on their way';

    CREATE VIEW ${schema}.lead_times AS
      SELECT sale, day, count(*) AS shipments, count(to_receipt) AS delivered,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY to_shipment) AS to_shipment_median,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY to_shipment) AS to_shipment_p90,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY to_receipt) AS to_receipt_median,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY to_receipt) AS to_receipt_p90,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY total) AS total_median,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY total) AS total_p90
      FROM (
        SELECT s.sale, (o.paid_at AT TIME ZONE 'UTC')::date AS day, greatest(s.shipped_at - o.paid_at, '0') AS to_shipment,
          CASE WHEN s.delivered_at IS NOT NULL THEN greatest(s.delivered_at - s.shipped_at, '0') END AS to_receipt,
          CASE WHEN s.delivered_at IS NOT NULL THEN greatest(s.delivered_at - o.paid_at, '0') END AS total
        FROM ${schema}.shipments s JOIN ${schema}.orders o ON o.sale = s.sale AND o.id = s.id
      ) AS times
      GROUP BY sale, day;
    COMMENT ON VIEW ${schema}.lead_times IS 'How long shipments take, by the day of the payment in UTC.';
    COMMENT ON COLUMN ${schema}.lead_times.to_shipment_median IS 'From the payment to the shipment: half of them took longer.';
    COMMENT ON COLUMN ${schema}.lead_times.to_shipment_p90 IS 'A tenth of them took longer.';
    COMMENT ON COLUMN ${schema}.lead_times.to_receipt_median IS 'From the shipment to the receipt.';
    COMMENT ON COLUMN ${schema}.lead_times.total_median IS 'From the payment to the receipt.';`

/**
 * The migration for parts of orders that were refunded.
 *
 * @param schema Its name, quoted.
 */
export const partsOfOrders = (schema: string) => `
    ALTER TABLE ${schema}.reservations ADD COLUMN ordered_items jsonb, ADD COLUMN ordered_changes int;
    ALTER TABLE ${schema}.refunds ADD COLUMN restock boolean, ADD COLUMN partition int, ADD COLUMN generation int,
      ADD COLUMN sequence bigint, ADD COLUMN forgotten boolean NOT NULL DEFAULT false;
    CREATE OR REPLACE VIEW ${schema}.lines AS
      SELECT r.sale, r.id, r.buyer, r.state, i.key AS sku, coalesce((r.items ->> i.key)::bigint, 0) AS quantity,
        CASE WHEN r.state = 'refunded' THEN i.value::bigint ELSE i.value::bigint - coalesce((r.items ->> i.key)::bigint, 0) END AS refunded
      FROM ${schema}.reservations r CROSS JOIN LATERAL jsonb_each_text(coalesce(r.ordered_items, r.items)) i;
    COMMENT ON COLUMN ${schema}.lines.quantity IS 'Units that are left: of a confirmed order, without the parts that were refunded.';
    COMMENT ON COLUMN ${schema}.lines.refunded IS 'Units of the order that were refunded.';
    COMMENT ON COLUMN ${schema}.reservations.items IS 'Units by SKU, as of its latest event: {"mango-me": 2}. Of an order, without the parts that were refunded.';
    COMMENT ON COLUMN ${schema}.reservations.ordered_items IS 'The items before the first part of the order was refunded; null: none was.';
    COMMENT ON COLUMN ${schema}.reservations.ordered_changes IS 'With ordered_items: how often they had been changed.';
    COMMENT ON COLUMN ${schema}.reservations.restocked IS 'With refunded: whether the last units went on sale again.';
    COMMENT ON COLUMN ${schema}.events.details IS 'amended: before and items (units by SKU); refunded: restock, and the key and the items of a part; refund_due: reason, and paymentId if it is a further payment; restocked: sku, applied, key, quantity; sent, received: to or from (partitions), sku, quantity; sold_out: sku';
    COMMENT ON TABLE ${schema}.refunds IS 'Refunds that had a key, and those that the ledger recorded by itself, after the sale was removed from Redis. The others are events only.';
    COMMENT ON COLUMN ${schema}.refunds.items IS 'Units by SKU of a part that was asked for; null: the whole order, as far as it was not refunded before.';
    COMMENT ON COLUMN ${schema}.refunds.restock IS 'Whether the units went on sale again; null: the sale had been removed.';
    COMMENT ON COLUMN ${schema}.refunds.refunded_at IS 'By the clock of Redis; if the ledger recorded it by itself, by that of PostgreSQL.';
    COMMENT ON COLUMN ${schema}.refunds.sequence IS 'With partition and generation: its event.';
    COMMENT ON COLUMN ${schema}.refunds.forgotten IS 'The sale has lost it, and was recovered without it.';`
