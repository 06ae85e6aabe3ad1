using System.ComponentModel;
using Microsoft.AspNetCore.Mvc;

namespace Metering.Service.Reports;

/// <summary>Query parameters of <c>/v1/usage</c> and <c>/v1/costs</c>.</summary>
internal sealed record UsageParameters
{
    [FromQuery(Name = "from"), Description("RFC 3339, now, today, a span back such as 7d, a month such as 2026-10; default 1d. Moved outward to the bounds of buckets.")]
    public string? From { get; init; }

    [FromQuery(Name = "to"), Description("Like from; default now.")]
    public string? To { get; init; }

    [FromQuery(Name = "step"), Description("total, 15m, hour, day, month")]
    public string? Step { get; init; }

    [FromQuery(Name = "groupBy"), Description("Comma list of tenant, project, host, kind, workload, label:NAME")]
    public string? GroupBy { get; init; }

    [FromQuery(Name = "filter"), Description("tenant:a, kind:docker, label:env=prod; may be repeated")]
    public string[]? Filter { get; init; }

    [FromQuery(Name = "timeZone"), Description("IANA zone of days and months; default UTC")]
    public string? TimeZone { get; init; }

    [FromQuery(Name = "limit"), Description("Rows per page, 1 to 10000; default 1000. Costs as csv or xlsx: also all, every row as it is made")]
    public string? Limit { get; init; }

    [FromQuery(Name = "cursor"), Description("nextCursor of the page before")]
    public string? Cursor { get; init; }

    [FromQuery(Name = "format"), Description("json, csv; costs also xlsx")]
    public string? Format { get; init; }

    [FromQuery(Name = "with"), Description("Of costs, a comma list of trend (against the time before), unitCosts (per unit of the price list), idle (share of what is reserved and not used)")]
    public string? With { get; init; }
}
