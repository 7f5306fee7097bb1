import type { NatsTarget } from "./target.ts";

/**
 * Moves the user and password of `nats://user:password@host:4222` to where the client looks for them: it does not read
 * them from a URL, and there they would reach the log. A single name, `nats://token@host`, is a token. What the target
 * names by itself wins.
 */
export function withoutUserInfo(target: NatsTarget): NatsTarget {
  const { user, password, token } = userInfoOf(target.servers);
  const named = target.user ?? target.token ?? target.credentialsFile;
  return {
    ...target,
    servers: target.servers.map((server) => server.replace(USER_INFO, "$1")),
    ...(named === undefined ? { user, password, token } : {}),
  };
}

const USER_INFO = /^((?:\w+:\/\/)?)([^/@]*)@/;

/** The first that any server carries: a client enters all of them as the same user. */
function userInfoOf(servers: readonly string[]): Pick<NatsTarget, "user" | "password" | "token"> {
  for (const server of servers) {
    const text = USER_INFO.exec(server)?.[2];
    if (text === undefined) continue;
    const [name = "", ...rest] = text.split(":");
    if (rest.length === 0) return { token: decodeURIComponent(name) };
    return { user: decodeURIComponent(name), password: decodeURIComponent(rest.join(":")) };
  }
  return {};
}
