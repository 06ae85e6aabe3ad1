using Metering.Service.Access;
using Microsoft.AspNetCore.Http;

namespace Metering.Service.Ui;

/// <summary>The pages, in the order of the menu.</summary>
internal static class PageMap
{
    /// <param name="Group">Heading in the menu.</param>
    /// <param name="Icon">An SVG path in a box of 24 by 24.</param>
    internal sealed record Entry(string Path, string Name, string Group, string Icon, Func<Caller, bool> IsFor);

    public static readonly IReadOnlyList<Entry> All =
    [
        new("/", "Overview", "Usage", "M4 13h6V4H4zM14 20h6V4h-6zM4 20h6v-3H4z", _ => true),
        new("/explore", "Explorer", "Usage", "M4 19h16M7 15V9M12 15V5M17 15v-3", _ => true),
        new("/workloads", "Workloads", "Usage", "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5", _ => true),
        new("/hosts", "Hosts", "Usage", "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01", SeesAll),
        new("/tenants", "Tenants", "Billing", "M9 11a3.5 3.5 0 100-7 3.5 3.5 0 000 7zM3 20c0-3.5 2.5-5.5 6-5.5s6 2 6 5.5M16 4.5a3.5 3.5 0 010 6.5M18 14.8c2 .8 3 2.600 3 5.200", _ => true),
        new("/prices", "Prices", "Billing", "M4 4h8l8 8-8 8-8-8zM8.500 8.500h.01", _ => true),
        new("/invoices", "Invoices", "Billing", "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6", _ => true),
        new("/quotas", "Quotas", "Watch", "M5 19a9 9 0 1114 0M12 14l4-5", _ => true),
        new("/alerts", "Alerts", "Watch", "M6 17v-6a6 6 0 0112 0v6l2 2H4zM10 21h4", _ => true),
        new("/settings", "Settings", "Manage", "M4 7h10M18 7h2M4 17h2M10 17h10M16 4.500v5M8 14.500v5", IsAdmin),
        new("/audit", "Audit", "Manage", "M5 4h14v16H5zM9 9h6M9 13h6M9 17h3", IsAdmin),
    ];

    /// <summary>True for a path that is a page, or a page of one thing below it.</summary>
    public static bool IsPage(PathString path) => All.Any(page => path == page.Path || (page.Path != "/" && path.StartsWithSegments(page.Path)));

    /// <summary>The page of the menu that a path belongs to.</summary>
    public static string MenuOf(string path) => All.Select(page => page.Path).FirstOrDefault(known => known == path || (known != "/" && path.StartsWith(known + "/", StringComparison.Ordinal))) ?? "";

    private static bool SeesAll(Caller caller) => caller.Tenant is null;

    private static bool IsAdmin(Caller caller) => caller.Role == Roles.Admin;
}
