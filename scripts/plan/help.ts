export const help = `stockhold plan: how many Redis masters, partitions and processes a sale needs, which admission rate, how much memory.

  npm run plan                          100,000 units, and a million people within a minute
  npm run plan -- --units 5000 --arrivals 20000 --within 10min
  npm run plan -- --check               also measures on this machine what the plan rests on

The sale
  --units N            units on sale (100000)
  --cart N             units of one reservation (1)
  --arrivals N         people who come (10 for each unit)
  --within TIME        the time in which they come: 90s, 500ms, 3min, 2h (60s)
  --peak N             how many of them come in the busiest second (twice the mean)
  --paid SHARE         reservations that are paid, of all; the units of the others come back (0.8)
  --pay-in TIME        from the reservation to its payment (2min, at most half of the hold)
  --hold-ms N          how long a reservation holds its units (600000)

Its waiting room
  --sell-in TIME       the time in which every unit is taken for the first time; the admission rate follows (3min)
  --rate N             people let in a second, in place of --sell-in
  --no-room            no waiting room: buyers reserve as they come, and none waits for units that come back

What it runs on
  --core SHARE         of a core of each master that the busiest second may take (0.5)
  --gib N              memory that data may fill on a master, in GiB (8)
  --process-rate N     HTTP requests a second that a process of yours answers; without it only the library's own work counts

  --json               the plan as JSON
  --check              runs a small sale on the planned partitions on a Redis of its own, and compares it with the plan
  -h, --help           this

Ends with 0; with --check 1 if the plan is off by more than it says or an invariant does not hold; with 2 if an option is wrong.
`
