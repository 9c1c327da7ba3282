export const help = `Plans how many Redis masters, partitions and processes a sale needs, its admission rate and its memory.

  npm run plan                          100,000 units, and a million people within a minute
  npm run plan -- --units 5000 --arrivals 20000 --within 10min
  npm run plan -- --check               compares the plan with a small sale on this machine

The sale
  --units N            units on sale (100000)
  --cart N             units of one reservation (1)
  --arrivals N         people who come (10 for each unit)
  --within TIME        the time in which they come: 90s, 500ms, 3min, 2h (60s)
  --peak N             how many of them come in the busiest second (twice the mean)
  --paid SHARE         the share of reservations that are paid; the units of the others come back (0.8)
  --pay-in TIME        from the reservation to its payment (2min, at most half of the hold)
  --hold-ms N          how long a reservation holds its units (600000)

Its waiting room
  --sell-in TIME       the time in which every unit is taken for the first time; the admission rate follows (3min)
  --rate N             people admitted in a second, in place of --sell-in
  --no-room            no waiting room: buyers reserve as soon as they come, and do not wait for units to come back

Its servers and processes
  --core SHARE         the share of a core of each master that the busiest second may take (0.5)
  --gib N              memory of a master that data may fill, in GiB (8)
  --process-rate N     HTTP requests a second that one process answers; without it only the library's work counts

  --json               prints the plan as JSON
  --check              runs a small sale with the planned partitions on a new Redis, and compares it with the plan
  -h, --help           this

The exit code is 0; with --check 1 if the plan is off by more than it says or an invariant does not hold; 2 for a
wrong option.
`
