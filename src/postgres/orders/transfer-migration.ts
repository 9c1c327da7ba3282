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
