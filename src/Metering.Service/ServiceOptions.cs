using Metering.Configuration;
using Metering.Service.Alerts;
using Metering.Service.Billing;
using Metering.Service.Focus;
using Metering.Service.Ingest.RabbitMq;
using Metering.Service.Ledger;

namespace Metering.Service;

/// <summary>Everything a service is told.</summary>
public sealed record ServiceOptions
{
    public required string DataDirectory { get; init; }

    public required LedgerOptions Ledger { get; init; }

    /// <summary>Null: no broker, batches come by HTTP or from within the process.</summary>
    public BrokerOptions? Broker { get; init; }

    public required AddressPolicy WebhookAddresses { get; init; }

    public AlertsOptions Alerts { get; init; } = new();

    /// <summary>Who may sign in by what, and how often one may ask.</summary>
    public Access.AccessOptions Access { get; init; } = new();

    public InvoiceOptions Invoices { get; init; } = new();

    public required Reports.Schedules.ReportOptions Reports { get; init; }

    public required Ledger.RetentionOptions Retention { get; init; }

    /// <summary>Names in FOCUS exports.</summary>
    public FocusOptions Focus { get; init; } = new();

    /// <summary>Null: no time series are written.</summary>
    public TimeSeries.TimeSeriesOptions? TimeSeries { get; init; }

    /// <summary>Most hosts and their figures are simulated; every page says so.</summary>
    public bool IsDemo { get; init; }

    /// <summary>Preset of the admin key, from <c>METERING_ADMIN_KEY</c>.</summary>
    public string? AdminKey { get; init; }

    /// <summary>Presets of other keys, by role.</summary>
    public IReadOnlyDictionary<string, string> PresetKeys { get; init; } = new Dictionary<string, string>();

    /// <summary>Reads and checks the settings. Throws <see cref="Safety.UserErrorException"/> (exit 2) naming key and range.</summary>
    public static ServiceOptions From(Settings settings, string dataDirectory)
    {
        var allowed = (settings.Text("Alerts:AllowedAddresses") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (!AddressPolicy.TryCreate(allowed, out var policy, out var faults)) throw Safety.UserErrorException.Usage("Alerts:AllowedAddresses: " + string.Join(" ", faults));
        var broker = settings.Url("Broker:Url", "amqp", "amqps");
        return new ServiceOptions
        {
            DataDirectory = dataDirectory,
            Ledger = LedgerOptions.From(settings, dataDirectory),
            Broker = broker is null ? null : new BrokerOptions { Url = settings.Text("Broker:Url")!, MaxQueueBytes = settings.Whole("Broker:QueueMaxBytes", 10L << 30, 1 << 20, long.MaxValue) },
            WebhookAddresses = policy,
            Alerts = AlertsOptions.From(settings, dataDirectory),
            Access = Metering.Service.Access.AccessOptions.From(settings),
            Reports = Metering.Service.Reports.Schedules.ReportOptions.From(settings, dataDirectory),
            Retention = RetentionOptions.From(settings),
            Invoices = InvoiceOptions.From(settings),
            Focus = FocusOptions.From(settings),
            TimeSeries = Metering.Service.TimeSeries.TimeSeriesOptions.From(settings),
            AdminKey = Credentials.Text("METERING_ADMIN_KEY"),
            PresetKeys = Metering.Service.Access.PresetKeys.FromEnvironment(),
        };
    }
}
