// The one Trusted Types policy. A worker's address is the only sink the page needs, and only an address of our own assets passes.

interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

function check(url: string): string {
  const base = new URL('./', String(import.meta.url));
  const wanted = new URL(url);
  if (wanted.origin !== base.origin || !wanted.pathname.startsWith(base.pathname)) throw new TypeError(`not an asset of this page: ${url}`);
  return wanted.href;
}

const factory = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes;
const policy = factory?.createPolicy('livetail', { createScriptURL: check });

export function scriptURL(url: URL): string {
  return policy ? (policy.createScriptURL(url.href) as string) : check(url.href);
}
