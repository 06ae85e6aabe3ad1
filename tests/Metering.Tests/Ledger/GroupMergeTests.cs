using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.Messages;
using Metering.Meters;
using Metering.Service.Ingest;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Xunit;

namespace Metering.Tests.Ledger;

/// <summary>Merging of a group by workload and bucket: whatever the order of the records, each quantity ends in the row of its workload.</summary>
public sealed class GroupMergeTests : IAsyncDisposable
{
    private const long Hour = 3600L * 1_000_000;
    private const long Start = 490_000 * Hour;
    private readonly string _directory = Directory.CreateTempSubdirectory("metering-merge-").FullName;
    private readonly LedgerOptions _options;
    private readonly LedgerStore _store;
    private readonly GroupWriter _writer;
    private readonly Dictionary<(string Host, string Id, long Bucket), (long Cpu, long Peak)> _sent = [];
    private readonly Dictionary<string, ulong> _sequences = new(StringComparer.Ordinal);

    public GroupMergeTests()
    {
        _options = new LedgerOptions { ConnectionString = $"Data Source={Path.Combine(_directory, "ledger.db")}" };
        _store = LedgerStore.Create(_options);
        _writer = new GroupWriter(_store, _options, TimeProvider.System, []);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Every_order_of_records_hosts_and_buckets_adds_up_to_what_was_sent()
    {
        await _store.OpenAsync(TestContext.Current.CancellationToken);
        const int Seed = 20261122;
        var random = new Random(Seed);

        // Machines of one image: the same workloads under the same inodes on each host, so that only the host tells them apart.
        for (var group = 0; group < 8; group++)
        {
            var items = new List<GroupItem>();
            for (var i = 0; i < 12; i++)
            {
                var ids = Enumerable.Range(0, 20).Where(_ => random.Next(4) > 0).Select(id => "w" + id).ToArray();
                if (random.Next(2) == 0) random.Shuffle(ids);
                items.Add(Item("host-" + random.Next(3), random.Next(4) * Hour, ids, random));
            }

            var answers = await _writer.WriteAsync(items, TestContext.Current.CancellationToken);
            Assert.All(answers, answer => Assert.Equal(IngestResult.Committed, answer.Result));
        }

        Assert.Equal(_sent.OrderBy(row => row.Key).ToArray(), (await RowsAsync()).OrderBy(row => row.Key).ToArray());
    }

    [Fact]
    public async Task A_group_that_was_rolled_back_leaves_nothing_in_the_next()
    {
        await _store.OpenAsync(TestContext.Current.CancellationToken);
        var random = new Random(7);
        await _writer.WriteAsync([Item("host-0", 0, ["a", "b"], random)], TestContext.Current.CancellationToken);
        GroupItem[] group = [Item("host-0", 0, ["b", "a", "new"], random), Item("host-1", Hour, ["a"], random)];

        _writer.FaultPoint = point => throw new IOException(point);
        await Assert.ThrowsAsync<IOException>(() => _writer.WriteAsync(group, TestContext.Current.CancellationToken));
        _writer.FaultPoint = null;
        await _writer.WriteAsync(group, TestContext.Current.CancellationToken);

        Assert.Equal(_sent.OrderBy(row => row.Key).ToArray(), (await RowsAsync()).OrderBy(row => row.Key).ToArray());
    }

    [Fact]
    public async Task Owners_are_replaced_and_the_last_given_stand()
    {
        await _store.OpenAsync(TestContext.Current.CancellationToken);
        OwnedInterval[] early = [new(0, 10, "a", "p"), new(10, long.MaxValue, OwnedInterval.UnattributedTenant, "")], late = [new(0, long.MaxValue, "b", "")];

        await _store.WriteAsync(transaction => Ownerships.SaveAsync(transaction, [(1, early), (2, early), (3, late)]), TestContext.Current.CancellationToken);
        await _store.WriteAsync(transaction => Ownerships.SaveAsync(transaction, [(2, early), (3, []), (2, late)]), TestContext.Current.CancellationToken);

        await using var connection = await _store.OpenReadAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT group_concat(workload || ':' || tenant || ':' || valid_from, ' ') FROM (SELECT * FROM ownership ORDER BY workload, valid_from)";
        Assert.Equal("1:a:0 2:b:0", await command.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    private GroupItem Item(string host, long offset, string[] ids, Random random)
    {
        var sequence = _sequences[host] = _sequences.GetValueOrDefault(host) + 1;
        var batch = new UsageBatch
        {
            Host = host, AgentEpoch = "epoch-" + host, FirstSequence = sequence, Sequence = sequence, Schema = 1,
            WindowStart = Stamp(Start + offset), WindowEnd = Stamp(Start + offset + 10_000_000), CoveredMicroseconds = 10_000_000, ExpectedMicroseconds = 10_000_000,
        };
        foreach (var id in ids)
        {
            var (cpu, peak) = (random.NextInt64(1, 1_000_000), random.NextInt64(1, 1_000_000));
            var key = (host, id, (Start + offset) / Hour * 3600);
            var known = _sent.GetValueOrDefault(key);
            _sent[key] = (known.Cpu + cpu, Math.Max(known.Peak, peak));
            batch.Workloads.Add(new WorkloadUsage
            {
                Kind = "docker", Id = id, Name = id, Path = "/" + id, Inode = 42, Origin = Origin.Measured,
                Meters =
                {
                    new MeterReading { Meter = MeterCatalogue.Cpu.Wire, Quantity = (ulong)cpu, Availability = Availability.Exact },
                    new MeterReading { Meter = MeterCatalogue.MemoryPeak.Wire, Quantity = (ulong)peak, Availability = Availability.Exact },
                },
            });
        }

        var delivery = new Delivery(batch.ToByteArray(), "inProcess", null, MayClaimAnyHost: true);
        var decoded = BatchDecoder.Decode(delivery.Body, TimeProvider.System.GetUtcNow().AddYears(100), out var fault);
        return new GroupItem(delivery, decoded, fault, null);
    }

    private async Task<Dictionary<(string Host, string Id, long Bucket), (long Cpu, long Peak)>> RowsAsync()
    {
        await using var connection = await _store.OpenReadAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT w.host, w.key, u.bucket, u.cpu_us, u.memory_peak_bytes FROM usage u JOIN workload w ON w.id = u.workload";
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var rows = new Dictionary<(string, string, long), (long, long)>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken)) rows.Add((reader.GetString(0), reader.GetString(1), reader.GetInt64(2)), (reader.GetInt64(3), reader.GetInt64(4)));
        return rows;
    }

    private static Timestamp Stamp(long microseconds) => new() { Seconds = microseconds / 1_000_000 };
}
