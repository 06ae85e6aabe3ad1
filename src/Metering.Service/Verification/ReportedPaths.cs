using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Metering.Service.Ingest;

namespace Metering.Service.Verification;

/// <summary>The cgroup paths that batches reported for each workload, to hold the ledger's against. State: a hash for each pair of workload and path, and the paths of each workload.</summary>
internal sealed class ReportedPaths
{
    private readonly HashSet<UInt128> _seen = [];
    private readonly Dictionary<(string Host, string Kind, string Key), HashSet<string>> _paths = [];
    private readonly HashSet<string> _forgotten = new(StringComparer.Ordinal);

    public void Add(DecodedBatch batch)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var host = Encoding.UTF8.GetBytes(batch.Host);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        foreach (var record in batch.Records)
        {
            sha.AppendData(host);
            foreach (var range in (ReadOnlySpan<Range>)[record.Kind, record.Id, record.Path])
            {
                sha.AppendData([0]);
                sha.AppendData(batch.Slice(range));
            }

            sha.GetHashAndReset(hash);
            if (!_seen.Add(BinaryPrimitives.ReadUInt128BigEndian(hash))) continue;
            var key = (batch.Host, BatchDecoder.Text(batch.Slice(record.Kind), 64), BatchDecoder.Text(batch.Slice(record.Id), 4096));
            if (!_paths.TryGetValue(key, out var paths)) _paths[key] = paths = new HashSet<string>(StringComparer.Ordinal);
            paths.Add(BatchDecoder.Text(batch.Slice(record.Path), 4096));
        }
    }

    /// <summary>Some of the host's batches can not be read any more: what they reported is not known.</summary>
    public void Forget(string host) => _forgotten.Add(host);

    /// <summary>Workloads whose path is none that was reported for them.</summary>
    public async IAsyncEnumerable<Discrepancy> CompareAsync(VerifyRun run, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var connection = await run.Store.OpenReadAsync(cancel);
        await using var command = VerifyRun.Command(connection, "SELECT host, kind, key, path FROM workload ORDER BY id");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (host, kind, key, path) = (rows.GetString(0), rows.GetString(1), rows.GetString(2), rows.GetString(3));

            // One that none of them names came in while this ran.
            if (_forgotten.Contains(host) || !_paths.TryGetValue((host, kind, key), out var paths) || paths.Contains(path)) continue;
            yield return new Discrepancy("workload", $"{host} {kind} {key}", $"its path is '{path}', batches reported {string.Join(", ", paths.Order(StringComparer.Ordinal).Take(3).Select(one => $"'{one}'"))}");
        }
    }
}
