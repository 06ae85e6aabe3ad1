namespace Metering.Service.Ingest;

/// <param name="Taken">Batches that are billed now.</param>
/// <param name="Kept">Batches that can still not be taken.</param>
internal sealed record ReplayAnswer(long Taken, long Kept);
