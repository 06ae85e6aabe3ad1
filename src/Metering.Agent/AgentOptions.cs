using Metering.Agent.Cgroups;
using Metering.Agent.Enforcement;
using Metering.Agent.Journal;
using Metering.Configuration;
using Metering.Identity;
using Metering.Safety;

namespace Metering.Agent;

/// <summary>Everything an agent is told (section <c>Agent</c>, <c>Journal</c> and <c>Broker:Url</c>).</summary>
internal sealed record AgentOptions
{
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(10);

    public required string DataDirectory { get; init; }

    public required string HostId { get; init; }

    /// <summary>Time between passes; a whole fraction of 15 minutes, so that passes fall on the bounds of buckets.</summary>
    public TimeSpan Interval { get; init; } = DefaultInterval;

    public AgentTransport Transport { get; init; } = AgentTransport.InProcess;

    public Uri? ServiceUrl { get; init; }

    public string? Key { get; init; }

    public Uri? BrokerUrl { get; init; }

    /// <summary>Where an agent process serves its metrics when it is not told: on this host only.</summary>
    public static readonly Uri DefaultMetricsUrl = new("http://127.0.0.1:9469");

    /// <summary>Where an agent process is told to serve its metrics; null: at <see cref="DefaultMetricsUrl"/> if nobody else is there.</summary>
    public Uri? MetricsUrl { get; init; }

    /// <summary>False: nowhere.</summary>
    public bool ShowsMetrics { get; init; } = true;

    /// <summary>What the setting says; null when it says nothing, or 'none'.</summary>
    public static Uri? MetricsUrlOf(Settings settings) => settings.Text("Agent:MetricsUrl") == "none" ? null : settings.Url("Agent:MetricsUrl", "http");

    /// <summary>Mount point of the cgroup2 tree; null: from mountinfo.</summary>
    public string? CgroupRoot { get; init; }

    public int MaxWorkloadsPerParent { get; init; } = 10_000;

    /// <summary>An operator's rules for cgroup paths; null: the built-in ones only.</summary>
    public string? RulesFile { get; init; }

    /// <summary>Which labels are taken over from runtimes; a comma list with <c>*</c>.</summary>
    public string Labels { get; init; } = Workloads.Names.LabelChoice.Default;

    public JournalOptions Journal { get; init; } = new();

    /// <summary>What the service may do to cgroups of this host; nothing by default.</summary>
    public EnforcementOptions Enforcement { get; init; } = EnforcementOptions.Off;

    /// <summary>Reads and checks the settings. Throws <see cref="UserErrorException"/> (exit 2) naming key and range.</summary>
    public static AgentOptions From(Settings settings, string dataDirectory, AgentTransport defaultTransport)
    {
        var hostId = settings.Text("Agent:HostId") ?? HostFacts.DefaultHostId();
        if (!Identity.HostId.TryParse(hostId, out _)) throw Settings.Wrong("Agent:HostId", hostId, "1 to 64 letters, digits, '-' or '_'");
        var interval = settings.Time("Agent:Interval", DefaultInterval, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(15));
        if (TimeSpan.FromMinutes(15).Ticks % interval.Ticks != 0)
            throw Settings.Wrong("Agent:Interval", settings.Text("Agent:Interval")!, "a whole fraction of 15min (1s, 2s, 5s, 10s, 15s, 30s, 1min, …), so that passes fall on the bounds of buckets");
        var transport = settings.Choice("Agent:Transport", defaultTransport, new Dictionary<string, AgentTransport>
        {
            ["inProcess"] = AgentTransport.InProcess,
            ["http"] = AgentTransport.Http,
            ["rabbitmq"] = AgentTransport.RabbitMq,
        });
        var options = new AgentOptions
        {
            DataDirectory = dataDirectory,
            HostId = hostId,
            Interval = interval,
            Transport = transport,
            ServiceUrl = settings.Url("Agent:ServiceUrl", "http", "https"),
            Key = settings.Text("Agent:Key"),
            BrokerUrl = settings.Url("Broker:Url", "amqp", "amqps"),
            MetricsUrl = MetricsUrlOf(settings),
            ShowsMetrics = settings.Text("Agent:MetricsUrl") != "none",
            CgroupRoot = settings.Text("Agent:CgroupRoot"),
            MaxWorkloadsPerParent = (int)settings.Whole("Agent:MaxWorkloadsPerParent", 10_000, 1, 1_000_000),
            RulesFile = settings.Text("Agent:RulesFile"),
            Labels = settings.Text("Agent:Labels") ?? Workloads.Names.LabelChoice.Default,
            Enforcement = EnforcementOptions.From(settings, keyComesLater: transport == AgentTransport.InProcess),
            Journal = new JournalOptions
            {
                MaxBytes = settings.Whole("Journal:MaxBytes", 1L << 30, 1 << 20, 1L << 40),
                Keep = settings.Time("Journal:Keep", TimeSpan.FromHours(48), TimeSpan.Zero, TimeSpan.FromDays(365)),
            },
        };
        if (transport == AgentTransport.Http && options.ServiceUrl is null)
            throw UserErrorException.Usage("Transport http needs the service's address; set Agent:ServiceUrl (METERING__Agent__ServiceUrl=http://HOST:5080).");
        if (transport == AgentTransport.RabbitMq && options.BrokerUrl is null)
            throw UserErrorException.Usage("Transport rabbitmq needs the broker's address; set Broker:Url (METERING__Broker__Url=amqp://HOSTID:PASSWORD@HOST:5672/).");
        return options;
    }
}
