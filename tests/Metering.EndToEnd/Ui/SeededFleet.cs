using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Metering.EndToEnd.Line;
using Metering.EndToEnd.Servers;
using Metering.Messages;
using Xunit;

namespace Metering.EndToEnd.Ui;

/// <summary>
/// A <c>metering service</c> with what a small company has: four hosts of which one is gone, four tenants, two months of usage of which the first can be closed without that host, quotas of which one is over, an alert, and names that a page must not run.
/// </summary>
internal sealed class SeededFleet : IAsyncDisposable
{
    public const string AdminKey = "end-to-end-admin-key-0123456789";

    /// <summary>What a page would run, stretch or turn around if it took it for more than text.</summary>
    public const string HostileTenant = "<img src=x onerror=alert(1)>\u202Egnp.exe", HostileName = "<script>alert('x')</script>&amp;\"\u001b[31mred\u001b[0m\u202Ereversed";

    private const ulong GiB = 1UL << 30;
    private static readonly string LongName = "a-name-that-never-ends-" + new string('x', 180);
    private readonly TestDirectory _directory = new();
    private readonly MeteringProcess _process;

    public SeededFleet()
    {
        // The program as it was built, with its own files beside it; the copy beside the tests has no page.
        var program = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../Metering.Cli", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "metering.dll"));
        Url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Ports.Free()}");
        _process = new MeteringProcess([program, "service", "--data", _directory.Path, "--url", Url], new Dictionary<string, string?>
        {
            ["METERING_ADMIN_KEY"] = AdminKey,
            ["METERING__Invoices__SellerName"] = "Example Hosting GmbH",
            ["METERING__Invoices__SellerAddress"] = "Rechenweg 7; 10115 Berlin; Germany",
        }, "dotnet");
        Client = new HttpClient { BaseAddress = new Uri(Url), Timeout = TimeSpan.FromSeconds(60) };
        Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", AdminKey);
    }

    public string Url { get; }

    public HttpClient Client { get; }

    public string Output => _process.Output;

    /// <summary>The month before this one, which is there to be closed.</summary>
    public string Closed { get; private set; } = "";

    public async Task StartAsync(CancellationToken cancel)
    {
        _process.Start();
        await _process.Child.WaitUntilAsync(async token =>
        {
            try
            {
                using var answer = await Client.GetAsync(new Uri("/readyz", UriKind.Relative), token);
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, "it was ready", TimeSpan.FromSeconds(60), cancel);
    }

    public Task KillAsync(CancellationToken cancel) => _process.KillAsync(cancel);

    public async Task SeedAsync(CancellationToken cancel)
    {
        var now = TimeProvider.System.GetUtcNow();
        var month = new DateTimeOffset(now.Year, now.Month, 1, 0, 0, 0, TimeSpan.Zero);
        Closed = month.AddMonths(-1).ToString("yyyy-MM", CultureInfo.InvariantCulture);
        object[] prices =
        [
            new { meter = "cpuSeconds", unit = "Core-Hours", model = "graduated", tiers = new object[] { new { upTo = 1000, price = 0.045m }, new { price = 0.038m } } },
            new { meter = "memoryByteSeconds", unit = "GiB-Hours", price = 0.0062m },
            new { meter = "ioReadBytes", unit = "GiB", price = 0.002m },
            new { model = "flat", unit = "Months", price = 5 },
        ];
        await PutAsync("/v1/price-books/standard/versions/1", new { currency = "EUR", prices }, cancel);
        foreach (var (id, name) in new[] { ("acme", "Acme Robotics"), ("research", "Research computing"), ("shop", "Shop & Söhne"), ("odd", HostileTenant) })
            await PutAsync("/v1/tenants/" + id, new { name, timeZone = id == "shop" ? "Europe/Berlin" : "UTC", currency = "EUR", priceBook = "standard" }, cancel);
        await PutAsync("/v1/ownership-rules", new
        {
            rules = new object[]
            {
                new { match = new { path = "/acme/*" }, tenant = "acme", project = "robots" }, new { match = new { path = "/research/*" }, tenant = "research" }, new { match = new { path = "/shop/*" }, tenant = "shop", project = "web" },
                new { match = new { path = "/odd/*" }, tenant = "odd", project = HostileTenant },
            },
        }, cancel);
        await PutAsync("/v1/webhooks/trail", new { channel = "log", file = "alerts.jsonl" }, cancel);
        await PutAsync("/v1/webhooks/ops", new { url = "https://nowhere.invalid/a/rather/long/path/that/does/not/fit/into/its/column" }, cancel);
        await PutAsync("/v1/quotas/research-cpu", new { subject = new { tenant = "research" }, meter = "cpuSeconds", window = "month", limit = 3_600_000, thresholds = new[] { 50, 100 }, severity = "critical", notify = new[] { "trail", "ops" } }, cancel);
        await PutAsync("/v1/quotas/acme-cost", new { subject = new { tenant = "acme" }, meter = "cost", window = "month", limit = 150, thresholds = new[] { 80, 100 }, notify = new[] { "trail" } }, cancel);
        await PutAsync("/v1/quotas/shop-memory", new { subject = new { tenant = "shop" }, meter = "memoryByteSeconds", window = "day", limit = 200L * (1L << 30) * 3600, notify = new[] { "trail" } }, cancel);
        await PutAsync("/v1/quotas/fleet-io", new { subject = new { fleet = true }, meter = "ioReadBytes", window = "week", limit = 9_000_000_000_000 }, cancel);
        await PutAsync("/v1/quotas/odd-cpu", new { subject = new { tenant = "odd", project = HostileTenant }, meter = "cpuSeconds", window = "day", limit = 3600, labels = new { team = HostileTenant }, notify = new[] { "trail" } }, cancel);
        await PutAsync($"/v1/price-books/{Uri.EscapeDataString(HostileTenant)}/versions/1", new { currency = "EUR", prices }, cancel);
        await SendAsync(HttpMethod.Post, "/v1/silences", new { match = new { quota = HostileTenant }, startsAt = now, endsAt = now.AddDays(1), comment = HostileName }, cancel);
        await SendAsync(HttpMethod.Post, "/v1/api-keys", new { role = "scrape", name = HostileTenant }, cancel);
        foreach (var host in Hosts()) await host.SendAsync(Client, month.AddMonths(-1), now, cancel);
        var attic = new SeededHost("attic-01", 4, 8 * GiB, [new("docker", "0ddba11", "archive", "/acme/archive", 0.05, 200 << 20, 1_000)]);
        await attic.SendAsync(Client, month.AddMonths(-1), month.AddDays(-12), cancel);
    }

    public Task PutAsync(string path, object body, CancellationToken cancel) => SendAsync(HttpMethod.Put, path, body, cancel);

    public async Task<JsonElement> SendAsync(HttpMethod method, string path, object? body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = body is null ? null : JsonContent.Create(body) };
        using var answer = await Client.SendAsync(request, cancel);
        var text = await answer.Content.ReadAsStringAsync(cancel);
        Assert.True(answer.IsSuccessStatusCode, $"{path}: {(int)answer.StatusCode} {text}");
        return text.Length > 0 ? JsonSerializer.Deserialize<JsonElement>(text) : default;
    }

    public async Task<string> KeyAsync(string role, string? tenant, CancellationToken cancel) => (await SendAsync(HttpMethod.Post, "/v1/api-keys", new { role, name = role, tenant }, cancel)).GetProperty("secret").GetString()!;

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _process.DisposeAsync();
        _directory.Dispose();
    }

    private static SeededHost[] Hosts() =>
    [
        new("web-01", 16, 64 * GiB,
        [
            new("docker", "7f3a9c11", "robot-api", "/acme/api", 1.6, 3 * GiB, 400_000), new("docker", "91c2d077", "robot-planner", "/acme/planner", 0.7, 6 * GiB, 90_000),
            new("docker", "55e0aa42", "shop-frontend", "/shop/frontend", 0.9, 2 * GiB, 250_000), new("systemd", "sshd.service", "sshd.service", "/system.slice/sshd.service", 0.01, 20 << 20, 500),
        ]),
        new("web-02", 16, 64 * GiB,
        [
            new("kubernetes", "pod-1", "checkout", "/shop/checkout", 1.1, 4 * GiB, 300_000), new("kubernetes", "pod-2", LongName, "/shop/" + LongName, 0.2, 1 * GiB, 1_000),
            new("docker", "0badc0de", HostileName, "/odd/" + HostileName, 0.3, 1 * GiB, 2_000), new("docker", "c0ffee00", "robot-vision", "/acme/vision", 2.2, 8 * GiB, 700_000),
        ]),
        new("hpc-01", 64, 512 * GiB, [new("slurm", "job-4711", "folding", "/research/folding", 21, 120 * GiB, 3_000_000), new("slurm", "job-4712", "training", "/research/training", 9.5, 200 * GiB, 9_000_000)]),
    ];

    private sealed record SeededWork(string Kind, string Id, string Name, string Path, double Cores, ulong MemoryBytes, double ReadBytesPerSecond);

    // Hours up to this hour, then what is left, then two minutes of passes, so that there is something to see as live.
    private sealed class SeededHost(string host, double cpus, ulong memory, SeededWork[] work)
    {
        private readonly Dictionary<string, ulong> _ends = new(StringComparer.Ordinal);
        private ulong _sequence;

        public async Task SendAsync(HttpClient client, DateTimeOffset from, DateTimeOffset now, CancellationToken cancel)
        {
            var live = now.AddSeconds(-120);
            var hour = live.AddTicks(-(live.Ticks % TimeSpan.TicksPerHour));
            var batches = new List<UsageBatch>();
            for (var at = from; at < hour; at = at.AddHours(1))
            {
                batches.Add(Batch(at, at.AddHours(1)));
                if (batches.Count == 96) await PostAsync(client, batches, cancel);
            }

            live = DateTimeOffset.FromUnixTimeSeconds(live.ToUnixTimeSeconds());
            if (live > hour) batches.Add(Batch(hour, live));
            for (var i = 0; i < 12; i++) batches.Add(Batch(live.AddSeconds(10 * i), live.AddSeconds(10 * (i + 1))));
            await PostAsync(client, batches, cancel);
        }

        private static async Task PostAsync(HttpClient client, List<UsageBatch> batches, CancellationToken cancel)
        {
            using var content = new StringContent("{\"batches\":[" + string.Join(',', batches.Select(batch => JsonFormatter.Default.Format(batch))) + "]}", Encoding.UTF8, "application/json");
            using var answer = await client.PostAsync(new Uri("/v1/usage-batches", UriKind.Relative), content, cancel);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(cancel));
            batches.Clear();
        }

        private UsageBatch Batch(DateTimeOffset from, DateTimeOffset to)
        {
            _sequence++;
            var seconds = (to - from).TotalSeconds;
            var batch = new UsageBatch
            {
                Host = host, AgentEpoch = "epoch-" + host, BootId = "boot", FirstSequence = _sequence, Sequence = _sequence, Schema = 1, Capacity = new Capacity { Cpus = cpus, MemoryBytes = memory },
                WindowStart = Timestamp.FromDateTimeOffset(from), WindowEnd = Timestamp.FromDateTimeOffset(to), CoveredMicroseconds = (ulong)(seconds * 1e6), ExpectedMicroseconds = (ulong)(seconds * 1e6),
            };
            foreach (var (family, said) in new[] { ("cpu", "exact: v2 cpu.stat"), ("memory", "exact: v2 memory.current"), ("io", host == "hpc-01" ? "partial: ZFS bypasses io.stat" : "exact: v2 io.stat"), ("network", "unavailable: no capability CAP_BPF") })
                batch.HostLabels["meter." + family] = said;
            batch.HostLabels["site"] = HostileTenant;

            // Days have a shape, and weekends are calmer.
            var shape = (0.6 + 0.5 * Math.Sin((from.Hour - 6) / 24.0 * 2 * Math.PI)) * (from.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday ? 0.45 : 1) + 0.15;
            foreach (var one in work)
            {
                var usage = new WorkloadUsage { Kind = one.Kind, Id = one.Id, Name = one.Name, Path = one.Path, Inode = (ulong)Math.Abs((long)one.Path.Sum(c => c * 31)), Origin = Origin.Measured };
                Add(usage, "cpuMicroseconds", one.Cores * shape * seconds * 1e6);
                Add(usage, "memoryByteSeconds", one.MemoryBytes * (0.8 + 0.2 * shape) * seconds);
                Add(usage, "ioReadBytes", one.ReadBytesPerSecond * shape * seconds);
                batch.Workloads.Add(usage);
            }

            return batch;
        }

        private void Add(WorkloadUsage usage, string meter, double quantity)
        {
            var (key, counted) = (usage.Path + meter, (ulong)quantity);
            var start = _ends.GetValueOrDefault(key);
            _ends[key] = start + counted;
            usage.Meters.Add(new MeterReading { Meter = meter, Start = start, End = start + counted, Quantity = counted, Availability = Availability.Exact });
        }
    }
}
