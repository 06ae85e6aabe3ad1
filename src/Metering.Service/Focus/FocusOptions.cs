using Metering.Configuration;

namespace Metering.Service.Focus;

/// <summary>Names that an export needs and the ledger does not know (section <c>Focus</c>).</summary>
public sealed record FocusOptions
{
    /// <summary>Who provides the service: the platform's or team's name.</summary>
    public string ServiceProviderName { get; init; } = "Metering";

    /// <summary>Who runs the hosts.</summary>
    public string HostProviderName { get; init; } = "Metering";

    /// <summary>Who issues invoices that name no seller.</summary>
    public string InvoiceIssuerName { get; init; } = "Metering";

    /// <summary>As it is written in the dataset of invoice details.</summary>
    public string PaymentTerms { get; init; } = "As agreed";

    public static FocusOptions From(Settings settings)
    {
        var provider = settings.Text("Focus:ServiceProviderName") ?? "Metering";
        return new FocusOptions
        {
            ServiceProviderName = provider,
            HostProviderName = settings.Text("Focus:HostProviderName") ?? provider,
            InvoiceIssuerName = settings.Text("Focus:InvoiceIssuerName") ?? provider,
            PaymentTerms = settings.Text("Focus:PaymentTerms") ?? "As agreed",
        };
    }
}
