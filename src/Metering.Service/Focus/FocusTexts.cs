using System.Text;

namespace Metering.Service.Focus;

/// <summary>Fixed texts of fields, as bytes.</summary>
internal static class FocusTexts
{
    public static readonly byte[] Usage = "Usage"u8.ToArray();
    public static readonly byte[] Purchase = "Purchase"u8.ToArray();
    public static readonly byte[] Tax = "Tax"u8.ToArray();
    public static readonly byte[] Credit = "Credit"u8.ToArray();
    public static readonly byte[] Adjustment = "Adjustment"u8.ToArray();
    public static readonly byte[] Correction = "Correction"u8.ToArray();
    public static readonly byte[] OneTime = "One-Time"u8.ToArray();
    public static readonly byte[] Recurring = "Recurring"u8.ToArray();
    public static readonly byte[] UsageBased = "Usage-Based"u8.ToArray();
    public static readonly byte[] Standard = "Standard"u8.ToArray();
    public static readonly byte[] Committed = "Committed"u8.ToArray();
    public static readonly byte[] Spend = "Spend"u8.ToArray();
    public static readonly byte[] CommittedSpend = "Committed spend"u8.ToArray();
    public static readonly byte[] Used = "Used"u8.ToArray();
    public static readonly byte[] Unused = "Unused"u8.ToArray();
    public static readonly byte[] Units = "Units"u8.ToArray();

    /// <summary>The categories of services of FOCUS 1.2 and 1.4.</summary>
    public static readonly string[] ServiceCategories =
    [
        "AI and Machine Learning", "Analytics", "Business Applications", "Compute", "Databases", "Developer Tools", "Multicloud", "Identity", "Integration", "Internet of Things", "Management and Governance", "Media",
        "Migration", "Mobile", "Networking", "Security", "Storage", "Web", "Other",
    ];

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
