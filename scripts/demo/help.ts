export const help = `stockhold demo: watch a flash sale, and see it proved afterwards.

  npm run demo                          the launch of the mango-me: 100,000 units, 320,000 buyers
  npm run demo -- --orders FILE         replays a file of real orders

Where the sale lives
  --engine memory|redis   memory: inside this process. redis: a server of its own, from the PATH or else
                          downloaded. Without it: redis where there is a redis-server on the PATH, or memory
  --redis URL             a Redis that runs already; the demo removes its keys again
  --keep                  leaves them there

The launch
  --units N               units on sale, at most 2 a buyer (100000)
  --buyers N              who wants one (3.2 times the units)
  --rate N                how many the waiting room lets in a second (a twelfth of the units, at least 50;
                          with stores so many that the launch takes as long as their orders)
  --hold-ms N             how long a reservation holds its units; short, to see them lapse (1500; with
                          stores up to 7500)
  --stores N              so many other stores on the same platform, each with a sale of its own and 43 orders on
                          average that evening; 10000 are a whole marketplace (0)
  --no-ledger             without the ledger in PostgreSQL. That is a server of its own, from this machine or else
                          downloaded once; where it cannot be had the demo goes on without it
  --lose-parcels N        the warehouse loses so many parcels, to see that it comes out (0)
  --concurrency N         requests of how many buyers are under way at a time (2000)
  --seed N                repeats the buyers' decisions of another run; what they meet depends on the timing

The order file: one line a position, with an order, a SKU, a quantity and a buyer (may be empty: a guest)
  --orders FILE           CSV with a header; separator, columns and encoding are found out, unless given:
  --separator C           for example ";" or "tab"
  --column-order NAME     --column-sku NAME  --column-quantity NAME  --column-buyer NAME
  --stock-share S         every SKU's stock, as a share of what the file orders of it: max(1, round(S * wanted)) (0.8)
  --cancel-prefix P       how the number of a cancellation begins (C)
  --max-errors N          how many broken lines are shown; all are counted (10)

  The lines of an order, wherever they stand in the file, are one cart: reserved and confirmed as a whole or
  not at all, at the place of its first line. What negative quantities mean:
  - In a cancellation (its number begins with the prefix): units come back. If they are exactly what an
    accepted order of the same buyer holds, that order is refunded (the latest first) and its units
    are on sale again. If they are exactly what a refused order wanted, there is nothing to give back.
    Anything else (part of an order, an order from before the file) is a return: its units are added
    to the stock, and the order they came from stays confirmed.
  - In any other order: a correction. So many unsold units leave the sale, as far as there are any.

  -h, --help              this

Ends with 0 if everything adds up, with 1 if anything is off or failed, with 2 if an option is wrong.
`
