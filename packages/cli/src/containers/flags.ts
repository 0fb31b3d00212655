import { type Command, Option } from 'commander'
import { addEngineFlags, type EngineFlags } from '../engine.js'

/** The flags of `run` and `create` as they were given. */
export interface ContainerFlags extends EngineFlags {
  readonly addHost: readonly string[]
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly cidfile?: string
  readonly cpus?: string
  readonly dns: readonly string[]
  readonly entrypoint?: string
  readonly env: readonly string[]
  readonly envFile: readonly string[]
  readonly expose: readonly string[]
  readonly healthCmd?: string
  readonly healthInterval?: string
  readonly healthRetries?: string
  readonly healthStartInterval?: string
  readonly healthStartPeriod?: string
  readonly healthTimeout?: string
  readonly healthcheck: boolean
  readonly hostname?: string
  readonly init?: boolean
  readonly interactive?: boolean
  readonly label: readonly string[]
  readonly labelFile: readonly string[]
  readonly logOpt: readonly string[]
  readonly memory?: string
  readonly mount: readonly string[]
  readonly name?: string
  readonly network?: string
  readonly pidsLimit?: string
  readonly platform?: string
  readonly privileged?: boolean
  readonly publish: readonly string[]
  readonly publishAll?: boolean
  readonly pull: 'missing' | 'always' | 'never'
  readonly quiet?: boolean
  readonly readOnly?: boolean
  readonly rm?: boolean
  readonly securityOpt: readonly string[]
  readonly shmSize?: string
  readonly stopSignal?: string
  readonly stopTimeout?: string
  readonly tmpfs: readonly string[]
  readonly tty?: boolean
  readonly ulimit: readonly string[]
  readonly user?: string
  readonly volume: readonly string[]
  readonly workdir?: string
}

export const collect = (value: string, before: readonly string[]) => [...before, value]

/** Adds the arguments and flags that `run` and `create` share. */
export function defineContainerFlags(command: Command): void {
  const many = (flags: string, text: string) => command.option(flags, text, collect, [])
  const one = (flags: string, text: string) => command.option(flags, text)
  command.argument('<IMAGE>', 'name or id of an image')
  command.argument('[COMMAND...]', "command and its arguments, instead of the image's CMD")
  many('--add-host <name:address>', 'further line for /etc/hosts; the address host-gateway is the machine')
  many('--cap-add <capability>', 'capability besides the default ones, or ALL')
  many('--cap-drop <capability>', 'capability to take away, or ALL')
  one('--cidfile <path>', 'write the id of the container into this file')
  one('--cpus <number>', "processors' worth of time, e.g. 1.5")
  many('--dns <address>', 'server to ask for names, instead of those of the machine')
  one('--entrypoint <path>', "instead of the image's ENTRYPOINT; '' for none")
  many('-e, --env <name[=value]>', 'environment variable; without value, that of this environment')
  many('--env-file <path>', 'file of environment variables')
  many('--expose <port>', 'mark a port as used, e.g. 80 or 53/udp')
  one('--health-cmd <command>', 'line of shell that checks the health')
  one('--health-interval <duration>', 'time between checks, e.g. 30s')
  one('--health-retries <number>', 'failures in a row until it is unhealthy')
  one('--health-start-interval <duration>', 'time between checks during the start period')
  one('--health-start-period <duration>', 'time in which failures do not count')
  one('--health-timeout <duration>', 'time that a check may take')
  one('--no-healthcheck', "not even the image's HEALTHCHECK")
  one('-h, --hostname <name>', 'host name inside')
  one('--init', 'run the command below an init program, which reaps orphans')
  one('-i, --interactive', 'keep standard input open')
  many('-l, --label <name[=value]>', 'label for the container')
  many('--label-file <path>', 'file of labels, one a line')
  many('--log-opt <option=value>', 'max-size=20m (of one log file), max-file=2')
  one('-m, --memory <bytes>', 'limit of memory, e.g. 512m')
  many('--mount <spec>', 'type=bind,source=…,target=…[,readonly] or type=tmpfs,target=…[,tmpfs-size=…]')
  one('--name <name>', 'name of the container (default: two random words)')
  one('--network <mode>', 'bridge, host, none or container:NAME (default: host; with -p or -P bridge)')
  one('--pids-limit <number>', 'limit of processes; -1 is unlimited')
  one('--platform <os/arch>', 'platform of the image')
  one('--privileged', 'all capabilities, no system call filter, nothing masked')
  many(
    '-p, --publish <[[address:]host:]container>',
    'port of the host that leads to one of the container; /udp for UDP',
  )
  one('-P, --publish-all', 'all ports of EXPOSE, at free ports of the host')
  command.addOption(
    new Option('--pull <when>', 'ask the registry for the image: missing, always or never')
      .choices(['missing', 'always', 'never'])
      .default('missing'),
  )
  one('-q, --quiet', 'no progress of a pull')
  one('--read-only', 'the root file system cannot be written')
  one('--rm', 'remove the container when it ends')
  many('--security-opt <option>', 'no-new-privileges, seccomp=unconfined, seccomp=FILE')
  one('--shm-size <bytes>', 'size of /dev/shm, e.g. 64m')
  one('--stop-signal <signal>', 'signal that stop sends (default: SIGTERM)')
  one('--stop-timeout <seconds>', 'time until stop kills (default: 10)')
  many('--tmpfs <path[:options]>', 'memory at a path, e.g. /tmp:size=64m,mode=1777')
  one('-t, --tty', 'give the command a terminal')
  many('--ulimit <name=soft[:hard]>', 'resource limit, e.g. nofile=1024:2048; -1 is unlimited')
  one('-u, --user <user[:group]>', 'user and group, by name or number')
  many('-v, --volume <source:target[:ro]>', 'directory or file of the host to show inside')
  one('-w, --workdir <path>', 'working directory inside')
  addEngineFlags(command)
}
