import { dataDirOf, type Config } from './config.ts'
import { startEmbedded } from './platform/embedded/embedded.ts'
import { keptOpsToken, keptSecretKey } from './secret.ts'

/** The database and the signing key: both given, or both kept in the data folder. */
export interface Place {
  readonly url: string
  /** The location of the data, for people to read. */
  readonly where: string
  readonly secretKey: string
  /** The token that opens /metrics; null if nothing does. */
  readonly opsToken: string | null
  /** The file of that token, if it was generated here. */
  readonly opsTokenFile?: string
}

/**
 * Opens the database of DATABASE_URL, or starts the embedded one. Adds to `stops` what must be called at the end.
 * Throws `StartupError`.
 */
export async function openDatabase(
  config: Config,
  cwd: string,
  say: (line: string) => void,
  stops: (() => Promise<unknown>)[],
): Promise<Place> {
  const dataDir = dataDirOf(config, cwd)
  const secret = async () => config.SECRET_KEY ?? (await keptSecretKey(dataDir))
  if (config.DATABASE_URL !== null) {
    // Without the login, which the address may contain.
    const place = config.DATABASE_URL.replace(/^\w+:\/\/(?:[^@/]*@)?/, '').split('?', 1)[0]
    return {
      url: config.DATABASE_URL,
      where: `PostgreSQL at ${place}`,
      secretKey: await secret(),
      opsToken: config.OPS_TOKEN,
    }
  }
  // One more while the processes are replaced.
  const processes = config.WEB_CONCURRENCY === 1 ? 1 : config.WEB_CONCURRENCY + 1
  const maxConnections = (config.POOL_SIZE + 1) * processes + 10
  const embedded = await startEmbedded({ dataDir, maxConnections, say })
  stops.push(() => embedded.stop())
  const ops = await (config.OPS_TOKEN === null ? keptOpsToken(dataDir) : { token: config.OPS_TOKEN })
  return {
    url: embedded.url,
    where: embedded.location,
    secretKey: await secret(),
    opsToken: ops.token,
    ...('file' in ops && { opsTokenFile: ops.file }),
  }
}
