namespace Metering.Cli.Demo;

/// <summary>The hosts of the demo, their workloads, and where the months begin.</summary>
internal static class DemoFleet
{
    /// <summary>Hosts, tenants and books of the demo have names that begin so.</summary>
    public const string Prefix = "demo-";

    public static readonly TimeSpan Pass = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Live = TimeSpan.FromMinutes(2);

    public static readonly IReadOnlyList<DemoHost> Hosts =
    [
        new("demo-web-1", 16, 64,
        [
            new("docker", "shop-frontend", "acme", "shop", DemoShape.Office, 2.1, 3.5, 0.2, 0.4, 3.1, 4), new("docker", "shop-api", "acme", "shop", DemoShape.Office, 3.4, 6, 0.5, 0.9, 2.2, 6),
            new("docker", "landing-page", "globex", "web", DemoShape.Evening, 0.6, 0.8, 0.1, 0.1, 1.4), new("systemd-service", "nginx", null, null, DemoShape.Office, 0.4, 0.3, 0, 0.2, 4.5),
        ]),
        new("demo-web-2", 16, 64,
        [
            new("docker", "shop-api-2", "acme", "shop", DemoShape.Office, 3.2, 6, 0.5, 0.8, 2.1, 6), new("docker", "player", "globex", "web", DemoShape.Evening, 2.7, 4, 1.2, 0.3, 9.5),
            new("docker", "forum", "initech", "community", DemoShape.Evening, 0.9, 1.6, 0.2, 0.3, 0.6), new("systemd-service", "nginx", null, null, DemoShape.Office, 0.3, 0.3, 0, 0.2, 3.9),
        ]),
        new("demo-k8s-1", 32, 128,
        [
            new("kubernetes", "checkout", "acme", "shop", DemoShape.Office, 2.6, 5, 0.1, 0.3, 1.1, 4), new("kubernetes", "search", "acme", "search", DemoShape.Office, 5.2, 18, 2.4, 0.8, 1.2, 8),
            new("kubernetes", "recommender", "globex", "ml", DemoShape.Steady, 4.1, 22, 0.9, 0.4, 0.5, 6), new("kubernetes", "ledger-api", "initech", "finance", DemoShape.Office, 0.8, 2, 0.2, 0.5, 0.3, 2),
            new("kubernetes", "ingress", null, null, DemoShape.Office, 0.5, 0.7, 0, 0.1, 5.2),
        ]),
        new("demo-db-1", 24, 192,
        [
            new("docker", "shop-postgres", "acme", "shop", DemoShape.Office, 3.9, 48, 14, 9, 1.8, 8), new("docker", "events-clickhouse", "globex", "ml", DemoShape.Steady, 2.8, 40, 22, 18, 2.4, 6),
            new("libvirt", "erp", "initech", "finance", DemoShape.Office, 2.2, 32, 3, 2, 0.4, 8),
        ]),
        new("demo-batch-1", 48, 96,
        [
            new("slurm", "41207", "globex", "ml", DemoShape.Steady, 9.5, 24, 6, 2, 0.1, 16), new("docker", "nightly-report", "initech", "finance", DemoShape.Nightly, 2.0, 6, 5, 1, 0.1),
            new("docker", "invoice-run", "acme", "finance", DemoShape.Nightly, 1.4, 4, 2, 2, 0.1), new("docker", "ci-runner", "acme", "build", DemoShape.Office, 4.8, 9, 3, 6, 0.4, 12),
        ]),
    ];

    /// <summary>The demo's first instant: the beginning of the month before, so that one month can be closed. The demo's tenants live in zones where it is not earlier than in UTC.</summary>
    public static DateTimeOffset FirstInstant(DateTimeOffset now) => new DateTimeOffset(now.Year, now.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(-1);

    /// <summary>Windows from one instant to another without a gap: cut at full hours, and of a pass each in the last two minutes, which the live view looks at. Both instants are multiples of a pass.</summary>
    public static IEnumerable<(DateTimeOffset Start, DateTimeOffset End)> Windows(DateTimeOffset from, DateTimeOffset to)
    {
        var live = to - Live;
        for (var start = from; start < to;)
        {
            var hour = new DateTimeOffset(start.UtcTicks - start.UtcTicks % TimeSpan.TicksPerHour, TimeSpan.Zero).AddHours(1);
            var end = start >= live ? start + Pass : hour < live ? hour : live;
            yield return (start, end);
            start = end;
        }
    }
}
