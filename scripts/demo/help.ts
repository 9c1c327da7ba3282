export const help = `Plays a flash sale, and proves afterwards that it added up.

  npm run demo                          the launch of the mango-me: 100,000 units, 320,000 buyers
  npm run demo -- --serve               the same, live in a browser
  npm run demo -- --orders FILE         replays a file of real orders

The engine
  --engine memory|redis   memory: inside this process. redis: a server that the demo starts, from the PATH or
                          downloaded. Without it: redis if there is a redis-server on the PATH, otherwise memory
  --redis URL             a Redis that is running; the demo removes its keys at the end
  --keep                  keeps the keys of the demo there

The launch
  --units N               units on sale, at most 2 a buyer (100000)
  --buyers N              buyers who want one (3.2 times the units)
  --rate N                visitors that the waiting room admits in a second (a twelfth of the units, at least 50;
                          with stores, so that the launch takes as long as their orders)
  --hold-ms N             how long a reservation holds its units; short, so that some expire (1500; with
                          stores up to 7500)
  --stores N              other stores on the same platform, each with a sale of its own and 43 orders on
                          average that evening; 10000 are a marketplace (0)
  --serve                 with the control room: it prints a link for a browser of this machine, opens it where there
                          is one, and stays open after the launch until Ctrl-C
  --no-ledger             without the ledger in PostgreSQL. The demo starts a server for it, from this machine or
                          downloaded once; if there is none, the demo goes on without a ledger
  --lose-parcels N        parcels that the warehouse loses, to see that the demo finds them missing (0)
  --concurrency N         buyers whose requests are under way at a time (2000)
  --seed N                repeats the buyers' decisions of another run; the answers depend on the timing

The order file: each line has an order, a SKU, a quantity and a buyer (empty: a guest)
  --orders FILE           CSV with a header; separator, columns and encoding are detected unless they are given:
  --separator C           for example ";" or "tab"
  --column-order NAME     --column-sku NAME  --column-quantity NAME  --column-buyer NAME
  --stock-share S         the stock of each SKU, as a share of its units in the file: max(1, round(S * wanted)) (0.8)
  --cancel-prefix P       the beginning of the number of a cancellation (C)
  --max-errors N          broken lines that are shown; all are counted (10)

  The lines of an order, wherever they are in the file, are one cart: it is reserved and confirmed as a whole
  or not at all, in the order of the first lines. Negative quantities mean:
  - In a cancellation (its number begins with the prefix): units come back. If they are exactly those of an
    accepted order of the same buyer, that order is refunded (the latest first) and its units are on
    sale again. If they are exactly those of a refused order, there is nothing to give back. Anything
    else (part of an order, an order from before the file) is a return: its units are added to the
    stock, and the order they came from stays confirmed.
  - In any other order: a correction. That many unsold units leave the sale, as far as there are any.

  -h, --help

The exit code is 0 if everything adds up, 1 if something does not or the demo fails, 2 for a wrong option, 130
after Ctrl-C.
`
