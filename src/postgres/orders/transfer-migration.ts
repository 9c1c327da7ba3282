/**
 * The migration for reservations that were transferred. Once published it never changes.
 *
 * @param schema Its name, quoted.
 */
export const transferredOrders = (schema: string) => `
    CREATE FUNCTION ${schema}.order_transferred() RETURNS trigger LANGUAGE plpgsql AS $body$
    DECLARE
      old_id text := CASE NEW.type WHEN 'departed' THEN NEW.reservation ELSE NEW.details ->> 'from' END;
      new_id text := CASE NEW.type WHEN 'departed' THEN NEW.details ->> 'to' ELSE NEW.reservation END;
      name text;
    BEGIN
      FOREACH name IN ARRAY ARRAY['orders', 'shipments', 'refunds'] LOOP
        EXECUTE format('UPDATE %1$I.%2$I SET id = $3 WHERE sale = $1 AND id = $2
          AND NOT EXISTS (SELECT FROM %1$I.%2$I WHERE sale = $1 AND id = $3)', TG_TABLE_SCHEMA, name)
          USING NEW.sale, old_id, new_id;
      END LOOP;
      RETURN NULL;
    END
    $body$;
    CREATE TRIGGER order_transferred AFTER INSERT ON ${schema}.events FOR EACH ROW
      WHEN (NEW.type IN ('departed', 'transferred')) EXECUTE FUNCTION ${schema}.order_transferred();
    COMMENT ON FUNCTION ${schema}.order_transferred() IS 'Shipments and payouts of an order go with it to its new id, whichever of the two events comes first.';

    CREATE OR REPLACE VIEW ${schema}.payments AS
      SELECT sale, id AS reservation, buyer, payment_id, true AS own,
        CASE WHEN refund_due IS NOT NULL THEN 'refund_due' WHEN state = 'confirmed' THEN 'order' ELSE state END AS outcome,
        refund_due AS reason
      FROM ${schema}.reservations
      WHERE state <> 'transferred' AND (payment_id IS NOT NULL OR refund_due IS NOT NULL OR state IN ('confirmed', 'refunded'))
      UNION ALL
      SELECT p.sale, p.reservation, r.buyer, p.payment_id, false, 'refund_due', p.reason
      FROM ${schema}.further_payments p LEFT JOIN ${schema}.reservations r ON r.sale = p.sale AND r.id = p.reservation;
    COMMENT ON COLUMN ${schema}.reservations.state IS 'held (past expires_at: expired), confirmed, released, expired, refunded; transferred: it is another buyer''s now, under the id that its latest event departed names; forgotten: the sale has lost it, and was recovered without it';`

/**
 * The migration by which an order that was transferred keeps its time of payment. Once published it
 * never changes.
 *
 * @param schema Its name, quoted.
 */
export const paidBeforeTransfer = (schema: string) => `
    CREATE FUNCTION ${schema}.paid_at(of_sale text, order_id text) RETURNS timestamptz LANGUAGE sql STABLE AS $body$
      WITH RECURSIVE ids (id) AS (
        SELECT order_id
        UNION
        SELECT came.origin FROM ids JOIN ${schema}.events e ON e.reservation = ids.id
        CROSS JOIN LATERAL (
          SELECT CASE WHEN e.sale = of_sale AND e.type = 'transferred' THEN e.details ->> 'from' END AS origin
        ) came WHERE came.origin IS NOT NULL
      )
      SELECT min(e.at) FILTER (WHERE e.sale = of_sale AND e.type = 'confirmed')
      FROM ids JOIN ${schema}.events e ON e.reservation = ids.id
    $body$;
    COMMENT ON FUNCTION ${schema}.paid_at(text, text) IS 'When an order was paid for, under whichever of its ids.';

    CREATE FUNCTION ${schema}.order_paid() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN
      EXECUTE format('WITH RECURSIVE ids (id) AS (
          SELECT $2
          UNION
          SELECT went.next FROM ids JOIN %1$I.events e ON e.reservation = ids.id
          CROSS JOIN LATERAL (
            SELECT CASE WHEN e.sale = $1 AND e.type = ''departed'' THEN e.details ->> ''to'' END AS next
          ) went WHERE went.next IS NOT NULL
        )
        UPDATE %1$I.orders o SET paid_at = coalesce(%1$I.paid_at($1, o.id), o.paid_at)
        FROM ids WHERE o.sale = $1 AND o.id = ids.id', TG_TABLE_SCHEMA)
        USING NEW.sale, CASE NEW.type WHEN 'departed' THEN NEW.details ->> 'to' ELSE NEW.reservation END;
      RETURN NULL;
    END
    $body$;
    CREATE TRIGGER order_transferred_paid AFTER INSERT ON ${schema}.events FOR EACH ROW
      WHEN (NEW.type IN ('departed', 'transferred')) EXECUTE FUNCTION ${schema}.order_paid();
    COMMENT ON FUNCTION ${schema}.order_paid() IS 'An order may be shipped before the ledger has read under which id it was paid for.';

    CREATE OR REPLACE VIEW ${schema}.open_orders AS
      SELECT r.sale, r.id, r.buyer,
        CASE WHEN EXISTS (
          SELECT FROM jsonb_each_text(r.items) i WHERE i.value::bigint > coalesce((o.shipped ->> i.key)::bigint, 0)
        ) THEN 'ship' ELSE 'deliver' END AS next_step,
        coalesce(o.paid_at, ${schema}.paid_at(r.sale, r.id), r.changed_at) AS paid_at,
        r.items, coalesce(o.shipped, '{}') AS shipped, coalesce(o.delivered, '{}') AS delivered, o.shipped_at
      FROM ${schema}.reservations r LEFT JOIN ${schema}.orders o ON o.sale = r.sale AND o.id = r.id
      WHERE r.state = 'confirmed' AND EXISTS (
        SELECT FROM jsonb_each_text(r.items) i WHERE i.value::bigint > coalesce((o.delivered ->> i.key)::bigint, 0)
      );`
