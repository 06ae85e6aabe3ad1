using Metering.Configuration;

namespace Metering.Service.Billing;

/// <summary>What stands on every invoice.</summary>
public sealed record InvoiceOptions
{
    private const int MaxText = 200;
    private const int MaxLines = 8;

    /// <summary>Null: no seller is configured.</summary>
    public InvoiceSeller? Seller { get; init; }

    /// <summary>Days to pay in, from the day of issue.</summary>
    public int PaymentDays { get; init; } = 30;

    /// <summary>Throws <see cref="Safety.UserErrorException"/> naming key and range.</summary>
    public static InvoiceOptions From(Settings settings)
    {
        var (name, taxId, footer) = (Text(settings, "Invoices:SellerName"), Text(settings, "Invoices:SellerTaxId"), Text(settings, "Invoices:Footer", 500));
        var text = settings.Text("Invoices:SellerAddress") ?? "";
        var address = text.Split([';', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (address.Length > MaxLines || address.Any(line => line.Length > MaxText)) throw Settings.Wrong("Invoices:SellerAddress", text, $"at most {MaxLines} lines of {MaxText} characters, with ';' between them");
        if (name is null && (address.Length > 0 || taxId is not null || footer is not null)) throw Safety.UserErrorException.Usage("Invoices:SellerName is missing, though other keys of the seller are set; set it too.");
        return new InvoiceOptions
        {
            Seller = name is null ? null : new InvoiceSeller { Name = name, Address = address, TaxId = taxId, Footer = footer },
            PaymentDays = (int)settings.Whole("Invoices:PaymentDays", 30, 0, 365),
        };
    }

    private static string? Text(Settings settings, string key, int max = MaxText) => settings.Text(key)?.Trim() is not { } text ? null : text.Length is > 0 && text.Length <= max ? text : throw Settings.Wrong(key, text, $"1 to {max} characters");
}
