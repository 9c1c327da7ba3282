import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { minute, reason, run } from '../command.js'

/**
 * Downloads the packages that the server needs and this machine lacks; answers the archives to
 * unpack.
 * @param server The packages are `server-server` and `server-tools`, from the distribution or its
 * backports.
 */
export async function download(work: string, server: 'redis' | 'valkey'): Promise<string[]> {
  const archives = join(work, 'archives')
  await mkdir(join(work, 'lists', 'partial'), { recursive: true })
  await mkdir(join(archives, 'partial'), { recursive: true })
  await mkdir(join(work, 'log'))
  // A copy, so that apt knows the installed libraries and neither locks nor writes anything
  // outside.
  await copyFile('/var/lib/dpkg/status', join(work, 'status'))
  const config = join(work, 'apt.conf')
  await writeFile(config, aptConfig(work))
  await writeSources(join(work, 'sources'))
  const apt = (limit: number, ...args: string[]) =>
    run('apt-get', ['-c', config, '-q', '-y', ...args], {
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      timeout: limit,
      maxBuffer: 2 ** 24,
    })
  // A broken third-party source fails the whole update; only the packages matter.
  const update = await apt(3 * minute, 'update').then(() => undefined, reason)
  try {
    const packages = [`${server}-server`, `${server}-tools`]
    await apt(3 * minute, 'install', '--download-only', '--reinstall', '--no-install-recommends', ...packages)
  } catch (error) {
    throw new Error([reason(error), ...(update ? [`before that, ${update}`] : [])].join('\n'))
  }
  // Libraries only, and never libc, which has to match the dynamic linker of the machine.
  const needed = new RegExp(`^(${server}|lib(?!c6_|c-)).*\\.deb$`)
  return (await readdir(archives)).filter((name) => needed.test(name)).map((name) => join(archives, name))
}

/**
 * The machine's own sources, and each of them once more for the backports of its release: Debian 12
 * has Valkey there only. A source that has no such suite fails to update, and the others go on.
 */
async function writeSources(folder: string): Promise<void> {
  await mkdir(folder)
  const parts = '/etc/apt/sources.list.d'
  const names = (await readdir(parts).catch(() => [])).filter((name) => /\.(list|sources)$/.test(name))
  const files = ['/etc/apt/sources.list', ...names.map((name) => join(parts, name))]
  const release = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1]
  for (const [i, file] of files.entries()) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const ending = file.slice(file.lastIndexOf('.'))
    await writeFile(join(folder, `own-${i}${ending}`), text)
    // Suites are separated by blanks, both in lines of `deb` and of `Suites:`.
    const backports = text.replaceAll(new RegExp(`(?<=\\s)${release}(?=\\s)`, 'g'), `${release}-backports`)
    if (backports !== text) await writeFile(join(folder, `backports-${i}${ending}`), backports)
  }
}

/**
 * Passed to apt-get by -c, so it is read after the configuration of the machine: its keys and its
 * proxy stay in force, its folders and hooks do not (those of a container image empty
 * /var/cache/apt on update).
 */
function aptConfig(work: string): string {
  return `#clear APT::Update;
#clear DPkg;
#clear AptCli;
#clear Acquire::IndexTargets;
APT::Update::Error-Mode "any";
Acquire::IndexTargets::deb::Packages {
  MetaKey "$(COMPONENT)/binary-$(ARCHITECTURE)/Packages";
  flatMetaKey "Packages";
  ShortDescription "Packages";
  Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Packages";
};
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
APT::Sandbox::User "root";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "${work}/sources/";
Dir::State "${work}/";
Dir::State::lists "${work}/lists/";
Dir::State::status "${work}/status";
Dir::State::extended_states "${work}/extended_states";
Dir::Cache "${work}/";
Dir::Cache::archives "${work}/archives/";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "${work}/log/";
`
}
