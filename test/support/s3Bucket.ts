import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import type { S3Service } from "./swift.ts";

/** A client for looking at what is in a bucket behind the back of what is tested. */
export function s3Client({ endpoint, region, accessKeyId, secretAccessKey }: S3Service): S3Client {
  return new S3Client({
    ...{ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } },
    ...{ requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED" },
  });
}

export async function makeBucket(service: S3Service, bucket: string): Promise<void> {
  const client = s3Client(service);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
}
