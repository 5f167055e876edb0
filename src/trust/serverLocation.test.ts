import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failsWith } from "../../test/support/failsWith.ts";
import { parseImageName } from "../oci/imageName.ts";
import { locateTrustServer } from "./serverLocation.ts";

describe("the trust server", () => {
  const cases = [
    { image: "alpine", url: "https://notary.docker.io", origin: "docker hub", plainHttpFallback: false },
    {
      image: "registry.example:8443/a",
      url: "https://registry.example:8443",
      origin: "registry",
      plainHttpFallback: false,
    },
    { image: "localhost:5000/a", url: "https://localhost:5000", origin: "registry", plainHttpFallback: true },
    { image: "127.0.0.9:5000/a", url: "https://127.0.0.9:5000", origin: "registry", plainHttpFallback: true },
    { image: "[::1]:5000/a", url: "https://[::1]:5000", origin: "registry", plainHttpFallback: true },
    { image: "localhost.example/a", url: "https://localhost.example", origin: "registry", plainHttpFallback: false },
    {
      image: "alpine",
      configured: "https://own.example",
      url: "https://own.example",
      origin: "configuration",
      plainHttpFallback: false,
    },
    {
      image: "localhost:5000/a",
      configured: "https://own.example",
      named: "https://trust.example:4443/",
      url: "https://trust.example:4443",
      origin: "environment",
      plainHttpFallback: false,
    },
  ];
  for (const { image, configured, named, ...expected } of cases) {
    test(`of ${image} is ${expected.url} (${expected.origin})`, () => {
      const environment = { DOCKER_CONTENT_TRUST_SERVER: named };
      assert.deepEqual(locateTrustServer(parseImageName(image), { environment, configured }), expected);
    });
  }

  for (const named of ["http://trust.example", "trust.example:4443", "ftp://x", "https//x"]) {
    test(`cannot be ${named}`, () => {
      const environment = { DOCKER_CONTENT_TRUST_SERVER: named };
      assert.throws(
        () => locateTrustServer(parseImageName("alpine"), { environment }),
        failsWith("TRUST_SERVER_URL", `valid https URL required for trust server, got ${named}`),
      );
    });
  }

  test("is refused without showing the password in it", () => {
    const environment = { DOCKER_CONTENT_TRUST_SERVER: "http://alice:secret@trust.example" };
    assert.throws(
      () => locateTrustServer(parseImageName("alpine"), { environment }),
      failsWith("TRUST_SERVER_URL", "valid https URL required for trust server, got http://trust.example"),
    );
  });
});
